#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "message.hpp"
#include "support.hpp"
#include "transport.hpp"

using namespace yagura;
using test::content_of;
namespace fs = std::filesystem;

namespace {

int free_port() {
  int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  REQUIRE(::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  ::close(socket);
  return ntohs(address.sin_port);
}

class Postfix {
 public:
  explicit Postfix(const std::string& folder) : folder_(folder), port_(free_port()) {
    status_ = run("start " + folder_ + " " + std::to_string(port_) + " 2>" + folder_ + "/why");
  }
  ~Postfix() {
    if (status_ == 0) run("stop " + folder_);
  }
  Postfix(const Postfix&) = delete;
  Postfix& operator=(const Postfix&) = delete;

  int status() const { return status_; }
  std::string url(const std::string& host) const {
    return "smtp://" + host + ":" + std::to_string(port_);
  }

  // The mails delivered to this address, once there is one.
  std::vector<std::string> mails_of(test::Loop& loop, const std::string& address) const {
    std::vector<std::string> mails;
    loop.run_until([&] {
      std::error_code missing;
      for (const auto& entry : fs::directory_iterator(folder_ + "/mail/all/new", missing)) {
        std::string mail = content_of(entry.path());
        if (mail.find("\nDelivered-To: " + address + "\n") != std::string::npos)
          mails.push_back(mail);
      }
      return !mails.empty();
    });
    return mails;
  }

 private:
  static int run(const std::string& arguments) {
    int status = std::system(
        (YAGURA_SOURCE "/tests/integration/postfix.sh " + arguments).c_str());  // NOLINT
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::string folder_;
  int port_;
  int status_;
};

// As they lie in Postfix's Maildir: LF, after the header lines that it puts before.
std::string as_kept(const std::string& bytes) {
  std::string kept;
  for (char c : bytes) {
    if (c != '\r') kept += c;
  }
  return kept;
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

}  // namespace

TEST_CASE(
    "Postfix takes a mail over STARTTLS, unchanged, and its refusals are told for each recipient") {
  test::TemporaryFolder folder;
  Postfix postfix(folder.path());
  if (postfix.status() == 77) {
    MESSAGE("skipped: " << content_of(folder / "why"));
    return;
  }
  REQUIRE_MESSAGE(postfix.status() == 0, content_of(folder / "why"));

  Message message;
  message.from = {"運用監視", "kanshi@watch.example"};
  message.to = {{"山田 太郎", "yamada@aozora.example"}, {"林", "hayashi@midori.example"}};
  message.subject = "【重大障害】【第1報】会員企業サイトのサービス停止について";
  message.date = *parse_instant("2026-12-28T16:58:30+09:00");
  message.message_id = "<n1@watch.example>";
  message.body =
      "平素より大変お世話になっております。\n.\n..dots\n" + std::string(3'000, '.') + "\n";
  std::string bytes = *encode(message, *Zone::named("Asia/Tokyo"));
  // And one whose very bytes have lines of dots.
  bytes += ".\r\n..\r\n.dot\r\n";

  SmtpRelay relay;
  relay.url = postfix.url("localhost");
  relay.ca_file = folder / "ca.pem";
  test::Loop loop;
  auto smtp = make_smtp_transport(*loop.runtime, {relay}, std::chrono::seconds(9), "watch.example");
  Delivery delivery =
      loop.deliver(*smtp, {message.from.address,
                           {"yamada@aozora.example", "nobody@aozora.example",
                            "later@midori.example", "x@elsewhere.test", "hayashi@midori.example"},
                           bytes,
                           "n1"});
  INFO(delivery.reply);
  CHECK(delivery.accepted ==
        std::vector<std::string>{"yamada@aozora.example", "hayashi@midori.example"});
  REQUIRE(delivery.refused.size() == 2);
  CHECK(delivery.refused[0].address == "nobody@aozora.example");
  CHECK(delivery.refused[0].reply.rfind(
            "550 5.1.1 <nobody@aozora.example>: Recipient address rejected", 0) == 0);
  CHECK(delivery.refused[1].reply.rfind("554 5.7.1 <x@elsewhere.test>: Relay access denied", 0) ==
        0);
  REQUIRE(delivery.deferred.size() == 1);
  CHECK(delivery.deferred[0].address == "later@midori.example");
  CHECK(delivery.deferred[0].reply.rfind("450 4.2.1 ", 0) == 0);
  CHECK(delivery.reply.rfind("250 2.0.0 Ok: queued as ", 0) == 0);

  for (const std::string& address : delivery.accepted) {
    std::vector<std::string> mails = postfix.mails_of(loop, address);
    REQUIRE(mails.size() == 1);
    CAPTURE(mails[0]);
    CHECK(ends_with(mails[0], as_kept(bytes)));
    CHECK(mails[0].find("ESMTPS id") != std::string::npos);  // With TLS.
  }
  // A certificate that nobody vouches for: nothing is handed over.
  relay.ca_file.clear();
  smtp = make_smtp_transport(*loop.runtime, {relay}, std::chrono::seconds(9), "watch.example");
  delivery = loop.deliver(*smtp, {message.from.address, {"yamada@aozora.example"}, bytes, "n1"});
  CHECK(delivery.deferred.size() == 1);
  CHECK(delivery.reply.find("not trusted") != std::string::npos);
}
