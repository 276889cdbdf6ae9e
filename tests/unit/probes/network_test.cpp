#include "liveness/network.hpp"

#include <doctest/doctest.h>

#include <cerrno>

using namespace yagura;

TEST_CASE("network: errors of the other side are its fault, all others are ours") {
  for (int error : {ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, EPIPE}) {
    CAPTURE(error);
    CHECK(connection_failed(error, "10.0.1.21 port 5432").verdict == Verdict::failing);
  }
  for (int error : {ENETUNREACH, ENETDOWN, EADDRNOTAVAIL, EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES,
                    EPERM, EAFNOSUPPORT, EINVAL, 0}) {
    CAPTURE(error);
    CHECK(connection_failed(error, "10.0.1.21 port 5432").verdict == Verdict::unknown);
  }
  CHECK(connection_failed(ECONNREFUSED, "10.0.1.21 port 5432").reason ==
        "connection refused by 10.0.1.21 port 5432");
  CHECK(connection_failed(EMFILE, "10.0.1.21 port 5432").reason ==
        "this machine cannot connect to 10.0.1.21 port 5432: too many open files");
}

TEST_CASE("network: a host is a name or an address") {
  for (const char* host :
       {"db", "db-1.example.jp", "db.example.jp.", "_srv.test", "10.0.1.21", "2001:db8::1"}) {
    CAPTURE(host);
    CHECK(wrong_with_host(host).empty());
  }
  for (const char* host :
       {"", "db:5432", "a b", "a/b", "a\r\nb", "[::1]", "user@host", "\xe4\xbe\x8b.jp", "a%b"}) {
    CAPTURE(host);
    CHECK_FALSE(wrong_with_host(host).empty());
  }
  CHECK_FALSE(wrong_with_host(std::string(254, 'a')).empty());
}

TEST_CASE("network: there is a way to this machine itself") {
  CHECK(trouble_on_the_way(boost::asio::ip::make_address("127.0.0.1")).empty());
}
