// Hands one mail over: to a Maildir, or to a relay by SMTP. Says for each recipient what became of
// it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "instant.hpp"
#include "result.hpp"

namespace yagura {

namespace io {
class Runtime;
}

struct Envelope {
  std::string from;
  std::vector<std::string> to;
  std::string bytes;
  std::string name;  // unique and stable for the mail: the Maildir's file name is made of it, so
                     // that a repeat replaces
};

struct RecipientReply {
  std::string address;
  std::string reply;  // "550 5.1.1 no such user", safe text
};

// How a reply begins that the relay gave to MAIL: it wants no mail of the sender, mail.from,
// whoever is to read it.
inline constexpr std::string_view sender_refused = "the relay refuses the sender";

struct Delivery {
  // accepted, refused and deferred together are the envelope's recipients, unless the outcome is
  // unknown.
  std::vector<std::string> accepted;
  std::vector<RecipientReply> refused;   // 5yz: for good
  std::vector<RecipientReply> deferred;  // 4yz, or no connection: surely not accepted, try again
  bool unknown = false;                  // cut or timed out after the final dot: may have arrived
  std::string relay;                     // which one answered, or "maildir"
  std::string reply;  // the last reply or error in words, safe text, at most 500 bytes
};

class Transport {
 public:
  virtual ~Transport() = default;
  // `done` is called exactly once, from the loop, never before deliver() returns, within the
  // attempt's timeout. Destroying the transport cancels what runs, without `done`.
  virtual void deliver(Envelope envelope, std::function<void(Delivery)> done) = 0;
};

struct SmtpRelay {
  std::string url;  // smtp://host:port or smtps://host:port
  enum class Starttls { required, opportunistic, off } starttls = Starttls::required;
  std::string user;           // empty: no AUTH
  std::string password_file;  // read at each attempt, so that it can be changed
  std::string ca_file;        // empty: the system's
};

// Files appear in DIR/new, complete and synced (write to tmp, fsync, rename, fsync the folder).
// Folders are made, mode 0700. A disk that does not answer within `attempt_timeout` gives an
// unknown outcome.
std::unique_ptr<Transport> make_maildir_transport(
    io::Runtime& runtime, std::string folder, Duration attempt_timeout = std::chrono::seconds(30));
// Relays in order: the next is tried where the one before surely took the mail for nobody (no
// connection, TLS or AUTH in trouble, 4yz), with a fair share of what is left of `attempt_timeout`
// for each; after the final dot all that is left may be waited. 5yz to a recipient, to MAIL or to
// the whole mail is final; 503, 530, 534, 535 and 538, which speak of us, are not. opportunistic:
// encrypted where offered; the certificate is checked only where there is a ca_file or a user.
std::unique_ptr<Transport> make_smtp_transport(io::Runtime& runtime, std::vector<SmtpRelay> relays,
                                               Duration attempt_timeout, std::string helo_name);

}  // namespace yagura
