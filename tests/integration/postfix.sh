#!/usr/bin/env bash
# A real Postfix of our own beside whatever the machine runs: own configuration, queue and log in
# a folder, on loopback only.
#
#   postfix.sh start FOLDER PORT [PROGRAM [ARGUMENT…]]
#                                  returns when it answers; exit status 77: not possible here,
#                                  with the reason
#   postfix.sh stop FOLDER         stops it, and waits until it is gone
#
# It offers STARTTLS with a certificate for localhost and 127.0.0.1 (FOLDER/ca.pem signs it), takes
# mail for any domain under .example and delivers each copy into the Maildir FOLDER/mail/all, where
# Delivered-To says whose it is. The user "nobody" does not exist (550), "later" is to be tried
# again (450), "gone" is taken and comes back. Mail to desk@inquiry.example is given to PROGRAM, as the user nobody, with
# the envelope's sender as its last argument. Nothing leaves the machine.
set -euo pipefail

cannot() { echo "$*" >&2; exit 77; }

start() {
  local port=$2 program=${*:3}
  command -v postfix >/dev/null || cannot "postfix is not installed"
  command -v openssl >/dev/null || cannot "openssl is not installed"
  [ "$(id -u)" -eq 0 ] || cannot "postfix can be started by root only"

  mkdir -p "$1"
  local folder
  folder=$(cd "$1" && pwd)
  chmod 0755 "$folder"
  mkdir -p "$folder/etc" "$folder/queue" "$folder/data" "$folder/mail"
  chown postfix "$folder/data"
  chown nobody "$folder/mail"

  certificates "$folder"
  cat >"$folder/etc/main.cf" <<END
compatibility_level = 3.6
queue_directory = $folder/queue
data_directory = $folder/data
maillog_file = $folder/log
maillog_file_prefixes = $folder
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.example
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
smtpd_banner = relay.example ESMTP
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_cert_file = $folder/server.pem
smtpd_tls_key_file = $folder/server.key
smtpd_recipient_restrictions =
  check_recipient_access regexp:$folder/etc/access, reject_unauth_destination
virtual_mailbox_domains = regexp:$folder/etc/domains
virtual_mailbox_maps = regexp:$folder/etc/mailboxes
virtual_mailbox_base = $folder/mail
virtual_uid_maps = static:$(id -u nobody)
virtual_gid_maps = static:$(id -g nobody)
default_transport = error:nothing leaves this machine
transport_maps = regexp:$folder/etc/transport
message_size_limit = 60000000
virtual_mailbox_limit = 0
END
  echo '/^gone@/ error:5.1.1 this mailbox is gone' >"$folder/etc/transport"
  if [ -n "$program" ]; then echo '/^desk@inquiry\.example$/ inquiry:' >>"$folder/etc/transport"; fi
  echo '/^later@/ 450 4.2.1 mailbox busy' >"$folder/etc/access"
  echo '/\.example$/ yes' >"$folder/etc/domains"
  cat >"$folder/etc/mailboxes" <<'END'
if !/^nobody@/
/@/ all/
endif
END
  cat >"$folder/etc/master.cf" <<END
127.0.0.1:$port inet n - n - - smtpd
pickup  unix n - n 60   1 pickup
cleanup unix n - n -    0 cleanup
qmgr    unix n - n 300  1 qmgr
tlsmgr  unix - - n 1000? 1 tlsmgr
rewrite unix - - n -    - trivial-rewrite
bounce  unix - - n -    0 bounce
defer   unix - - n -    0 bounce
trace   unix - - n -    0 bounce
verify  unix - - n -    1 verify
flush   unix n - n 1000? 0 flush
proxymap unix - - n -   - proxymap
error   unix - - n -    - error
retry   unix - - n -    - error
discard unix - - n -    - discard
virtual unix - n n -    - virtual
anvil   unix - - n -    1 anvil
scache  unix - - n -    1 scache
showq   unix n - n -    - showq
postlog unix-dgram n - n - 1 postlogd
inquiry unix - n n -    - pipe flags=Rq user=nobody null_sender= argv=${program:-/bin/false} \${sender}
END

  postfix -c "$folder/etc" start >"$folder/start.log" 2>&1 ||
    cannot "postfix does not start: $(tail -q -n 5 "$folder/start.log" "$folder/log" 2>/dev/null)"
  for _ in $(seq 100); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then return 0; fi
    sleep 0.1
  done
  stop "$folder" || true
  cannot "postfix does not answer on port $port: $(tail -n 5 "$folder/log")"
}

# A certificate authority, and a server's certificate that it signed.
certificates() {
  local folder=$1
  local new_key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
  openssl req -x509 "${new_key[@]}" -days 2 -subj /CN=test-authority \
    -keyout "$folder/ca.key" -out "$folder/ca.pem" 2>/dev/null
  openssl req "${new_key[@]}" -subj /CN=localhost \
    -keyout "$folder/server.key" -out "$folder/server.csr" 2>/dev/null
  openssl x509 -req -in "$folder/server.csr" -days 2 \
    -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial \
    -extfile <(echo 'subjectAltName = DNS:localhost, IP:127.0.0.1') \
    -out "$folder/server.pem" 2>/dev/null
}

stop() {
  local folder pid
  folder=$(cd "$1" && pwd)
  pid=$(tr -d ' ' <"$folder/queue/pid/master.pid" 2>/dev/null || true)
  [ -n "$pid" ] || return 0
  postfix -c "$folder/etc" stop >/dev/null 2>&1 || kill "$pid" 2>/dev/null || true
  for _ in $(seq 100); do
    kill -0 "$pid" 2>/dev/null || return 0
    sleep 0.1
  done
  echo "postfix (process $pid) does not end" >&2
  return 1
}

case "${1:-}" in
  start) [ $# -ge 3 ] || { echo "usage: $0 start FOLDER PORT [PROGRAM]" >&2; exit 2; }; start "${@:2}" ;;
  stop) [ $# -eq 2 ] || { echo "usage: $0 stop FOLDER" >&2; exit 2; }; stop "$2" ;;
  *) echo "usage: $0 start FOLDER PORT [PROGRAM] | stop FOLDER" >&2; exit 2 ;;
esac
