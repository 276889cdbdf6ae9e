#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <boost/asio/steady_timer.hpp>
#include <filesystem>

#include "../../integration/fake_smtp.hpp"
#include "support.hpp"
#include "transport.hpp"

using namespace yagura;
using test::FakeSmtp;
using test::FakeSmtpScript;
using test::Loop;
using test::TemporaryFolder;
using Starttls = SmtpRelay::Starttls;

namespace {

const std::string mail_bytes = "Subject: x\r\n\r\nhello\r\n.dot\r\n";

Envelope envelope() {
  return {"kanshi@example.jp", {"a@b.example", "c@d.example"}, mail_bytes, "n-1"};
}

FakeSmtpScript answering(const std::string& stage, const std::string& answer) {
  FakeSmtpScript script;
  script.answers[stage] = answer;
  return script;
}

SmtpRelay plain(const FakeSmtp& server) {
  SmtpRelay relay;
  relay.url = server.url();
  relay.starttls = Starttls::off;
  return relay;
}

Delivery deliver(Loop& loop, std::vector<SmtpRelay> relays, Envelope mail = envelope(),
                 Duration timeout = std::chrono::seconds(5)) {
  auto smtp = make_smtp_transport(*loop.runtime, std::move(relays), timeout, "watch.example.jp");
  return loop.deliver(*smtp, std::move(mail));
}

void check_counts(const Delivery& delivery, std::size_t accepted, std::size_t refused,
                  std::size_t deferred, bool unknown = false) {
  INFO(delivery.reply);
  CHECK(delivery.accepted.size() == accepted);
  CHECK(delivery.refused.size() == refused);
  CHECK(delivery.deferred.size() == deferred);
  CHECK(delivery.unknown == unknown);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// A port where nobody listens.
std::string closed_port_url() {
  return FakeSmtp({}).url();
}

}  // namespace

TEST_CASE("SMTP: a mail arrives byte for byte, for all its recipients, greeted by name") {
  Loop loop;
  for (bool pipelining : {true, false}) {
    FakeSmtpScript script;
    if (!pipelining) script.offers = {};
    FakeSmtp server(script);
    Delivery delivery = deliver(loop, {plain(server)});
    check_counts(delivery, 2, 0, 0);
    CHECK(delivery.reply == "250 2.0.0 queued as 1");
    CHECK(has(server.url(), delivery.relay));
    REQUIRE(server.mails().size() == 1);
    CHECK(server.mails()[0].bytes == mail_bytes);
    CHECK(server.mails()[0].from == "kanshi@example.jp");
    CHECK(server.mails()[0].to == envelope().to);
    CHECK(server.commands()[0] == "EHLO watch.example.jp");
    CHECK(server.commands()[1] ==
          (pipelining ? "MAIL FROM:<kanshi@example.jp> SIZE=27" : "MAIL FROM:<kanshi@example.jp>"));
    CHECK(loop.run_until([&] { return server.commands().back() == "QUIT"; }));
  }
}

TEST_CASE("SMTP: a relay that knows no EHLO is greeted the old way") {
  Loop loop;
  FakeSmtp server(answering("ehlo", "502 5.5.1 what?"));
  check_counts(deliver(loop, {plain(server)}), 2, 0, 0);
  CHECK(server.commands().at(1) == "HELO watch.example.jp");
}

TEST_CASE("SMTP: a mail of megabytes goes through") {
  Loop loop;
  FakeSmtp server({});
  Envelope mail = envelope();
  for (int at = 0; at < 40'000; ++at)
    mail.bytes += ".a line of a long mail, which begins with a dot as it may happen\r\n";
  check_counts(deliver(loop, {plain(server)}, mail), 2, 0, 0);
  REQUIRE(server.mails().size() == 1);
  CHECK(server.mails()[0].bytes == mail.bytes);
}

TEST_CASE("SMTP: one recipient refused or deferred does not stop the other") {
  Loop loop;
  FakeSmtp refusing(answering("rcpt a@b.example", "550 5.1.1 no such user"));
  Delivery delivery = deliver(loop, {plain(refusing)});
  check_counts(delivery, 1, 1, 0);
  CHECK(delivery.accepted[0] == "c@d.example");
  CHECK(delivery.refused[0].address == "a@b.example");
  CHECK(delivery.refused[0].reply == "550 5.1.1 no such user");
  CHECK(refusing.mails().at(0).to == std::vector<std::string>{"c@d.example"});

  FakeSmtp deferring(
      answering("rcpt c@d.example", "450-4.2.0 greylisted\r\n450 4.2.0 come \x1b[1magain"));
  delivery = deliver(loop, {plain(deferring)});
  check_counts(delivery, 1, 0, 1);
  CHECK(delivery.deferred[0].address == "c@d.example");
  CHECK(delivery.deferred[0].reply == "450 4.2.0 greylisted come \\x1b[1magain");

  FakeSmtpScript both = answering("rcpt a@b.example", "550 no");
  both.answers["rcpt c@d.example"] = "553 no";
  FakeSmtp none(both);
  check_counts(deliver(loop, {plain(none)}), 0, 2, 0);
  CHECK(none.mails().empty());
}

TEST_CASE("SMTP: refusals of the whole are the mail's fault, or the relay's") {
  Loop loop;
  struct Row {
    const char *stage, *answer;
    std::size_t refused, deferred;
  };
  for (const Row& row :
       {Row{"greeting", "421 4.3.2 too busy", 0, 2}, Row{"greeting", "554 5.7.1 not you", 0, 2},
        Row{"ehlo", "502 5.5.1 no", 0, 2}, Row{"mail", "550 5.7.1 not this sender", 2, 0},
        Row{"mail", "451 4.3.0 later", 0, 2}, Row{"mail", "530 5.7.0 AUTH first", 0, 2},
        Row{"data", "451 4.3.0 later", 0, 2}, Row{"data", "554 5.5.1 no", 2, 0},
        Row{"dot", "451 4.3.0 later", 0, 2}, Row{"dot", "554 5.6.0 spam", 2, 0},
        Row{"body", "552 5.3.4 too big", 2, 0}}) {
    CAPTURE(row.stage);
    FakeSmtpScript script = answering(row.stage, row.answer);
    if (row.stage == std::string("ehlo")) script.answers["helo"] = row.answer;
    FakeSmtp server(script);
    Envelope mail = envelope();
    // Too long for the buffers in between, so that the answer comes while there is more to send.
    if (row.stage == std::string("body")) mail.bytes += std::string(30'000'000, 'x') + "\r\n";
    Delivery delivery = deliver(loop, {plain(server)}, mail);
    check_counts(delivery, 0, row.refused, row.deferred);
    CHECK(has(delivery.reply, row.answer));
    CHECK(has((row.refused != 0 ? delivery.refused : delivery.deferred)[1].reply, row.answer));
  }
}

TEST_CASE(
    "SMTP: cut or silent after the final dot is unknown; before, the mail surely did not arrive") {
  Loop loop;
  for (const char* how : {"cut", "silent"}) {
    for (const char* stage : {"greeting", "ehlo", "mail", "rcpt", "data", "body", "dot"}) {
      CAPTURE(how);
      CAPTURE(stage);
      FakeSmtp server(answering(stage, how));
      // Enough for what leads to the silence; what is cut ends by itself.
      Duration timeout = how == std::string("cut")      ? Duration(5'000)
                         : stage == std::string("body") ? Duration(1'000)
                         : stage == std::string("dot")  ? Duration(500)
                                                        : Duration(150);
      Envelope mail = envelope();
      if (stage == std::string("body")) mail.bytes += std::string(30'000'000, 'x') + "\r\n";
      Delivery delivery = deliver(loop, {plain(server)}, mail, timeout);
      bool unknown = stage == std::string("dot");
      check_counts(delivery, 0, 0, unknown ? 0 : 2, unknown);
      CHECK_MESSAGE(has(delivery.reply, how == std::string("cut") ? "conn" : "no answer"),
                    delivery.reply);
      CHECK(server.mails().size() == (unknown ? 1 : 0));
    }
  }
}

TEST_CASE("SMTP: while a relay is slow, the loop goes on, and a slow yes is a yes") {
  Loop loop;
  FakeSmtpScript script = answering("dot", "slow 250 2.0.0 at last");
  script.slowness = std::chrono::milliseconds(1'000);
  script.answers["quit"] = "silent";
  FakeSmtp server(script);
  auto smtp = make_smtp_transport(*loop.runtime, {plain(server)}, std::chrono::seconds(5), "w");
  std::optional<Delivery> result;
  smtp->deliver(envelope(), [&](Delivery delivery) { result = std::move(delivery); });
  auto longest = std::chrono::steady_clock::duration::zero();
  auto before = std::chrono::steady_clock::now();
  auto begin = before;
  // Each turn of the loop is short, even though the answer takes a second, and QUIT has none.
  CHECK(loop.run_until([&] {
    auto now = std::chrono::steady_clock::now();
    longest = std::max(longest, now - before);
    before = now;
    return result.has_value();
  }));
  check_counts(*result, 2, 0, 0);
  CHECK(before - begin >= std::chrono::milliseconds(1'000));
  CHECK(longest < std::chrono::milliseconds(500));
}

TEST_CASE("SMTP: the next relay is asked where the first took the mail for nobody") {
  Loop loop;
  FakeSmtp good({});
  const auto second_after = [&](const SmtpRelay& first) {
    return deliver(loop, {first, plain(good)});
  };

  SmtpRelay nobody;
  nobody.url = closed_port_url();
  Delivery delivery = second_after(nobody);
  check_counts(delivery, 2, 0, 0);
  CHECK(has(good.url(), delivery.relay));
  CHECK(has(delivery.reply, "250 2.0.0 queued as 1; before that, "));
  CHECK(has(delivery.reply, "no connection"));

  for (const auto& [stage, answer] :
       std::vector<std::pair<std::string, std::string>>{{"greeting", "554 no"},
                                                        {"mail", "451 later"},
                                                        {"rcpt", "450 later"},
                                                        {"data", "451 later"},
                                                        {"dot", "451 later"},
                                                        {"mail", "cut"}}) {
    CAPTURE(stage);
    FakeSmtp bad(answering(stage, answer));
    check_counts(second_after(plain(bad)), 2, 0, 0);
  }
  SmtpRelay tls_only = plain(good);
  tls_only.starttls = Starttls::required;
  check_counts(second_after(tls_only), 2, 0, 0);
  SmtpRelay wrong_url;
  wrong_url.url = "http://relay.example.jp/";
  check_counts(second_after(wrong_url), 2, 0, 0);

  std::size_t mails = good.mails().size();
  CHECK(mails == 9);
  // What was accepted in part, refused or unknown stays with the first.
  FakeSmtp partly(answering("rcpt a@b.example", "450 later"));
  check_counts(second_after(plain(partly)), 1, 0, 1);
  FakeSmtp refusing(answering("dot", "554 spam"));
  check_counts(second_after(plain(refusing)), 0, 2, 0);
  FakeSmtp cutting(answering("dot", "cut"));
  check_counts(second_after(plain(cutting)), 0, 0, 0, true);
  CHECK(good.mails().size() == mails);

  // Who was refused by the first is not asked for again.
  FakeSmtpScript mixed = answering("rcpt a@b.example", "550 no");
  mixed.answers["rcpt c@d.example"] = "450 later";
  FakeSmtp both(mixed);
  check_counts(second_after(plain(both)), 1, 1, 0);
  CHECK(good.mails().back().to == std::vector<std::string>{"c@d.example"});
}

TEST_CASE(
    "SMTP: a relay that hangs takes its share of the time, and all of them no more than the "
    "whole") {
  Loop loop;
  FakeSmtp hanging(answering("greeting", "silent"));
  FakeSmtp good({});
  auto begin = std::chrono::steady_clock::now();
  check_counts(
      deliver(loop, {plain(hanging), plain(good)}, envelope(), std::chrono::milliseconds(1'000)), 2,
      0, 0);
  auto took = std::chrono::steady_clock::now() - begin;
  CHECK(took >= std::chrono::milliseconds(500));
  CHECK(took < std::chrono::milliseconds(1'000));

  begin = std::chrono::steady_clock::now();
  Delivery delivery = deliver(loop, {plain(hanging), plain(hanging), plain(hanging)}, envelope(),
                              std::chrono::milliseconds(450));
  took = std::chrono::steady_clock::now() - begin;
  check_counts(delivery, 0, 0, 2);
  CHECK(has(delivery.reply, "no answer within"));
  CHECK(took >= std::chrono::milliseconds(440));
  CHECK(took < std::chrono::milliseconds(1'000));

  // After the final dot the whole of the rest may be waited, beyond the share.
  FakeSmtpScript slowly = answering("dot", "slow 250 ok");
  slowly.slowness = std::chrono::milliseconds(600);
  FakeSmtp slow(slowly);
  check_counts(
      deliver(loop, {plain(slow), plain(good)}, envelope(), std::chrono::milliseconds(1'000)), 2, 0,
      0);
  CHECK(good.mails().size() == 1);
}

TEST_CASE("SMTP: STARTTLS is required, used where offered, or left alone") {
  Loop loop;
  TemporaryFolder folder;
  test::make_certificate(folder.path());
  FakeSmtpScript script;
  script.starttls = true;
  script.certificate = folder / "certificate.pem";
  script.key = folder / "key.pem";
  FakeSmtp tls(script);
  FakeSmtp clear({});
  script.answers["starttls"] = "454 4.7.0 not now";
  FakeSmtp unwilling(script);

  SmtpRelay relay = plain(tls);
  relay.starttls = Starttls::required;
  relay.ca_file = folder / "certificate.pem";
  check_counts(deliver(loop, {relay}), 2, 0, 0);
  CHECK(tls.mails().back().encrypted);
  relay.url = tls.url("localhost");
  check_counts(deliver(loop, {relay}), 2, 0, 0);

  relay.ca_file.clear();
  Delivery delivery = deliver(loop, {relay});
  check_counts(delivery, 0, 0, 2);
  CHECK_MESSAGE(has(delivery.reply, "certificate is not trusted"), delivery.reply);
  relay.ca_file = folder / "missing.pem";
  delivery = deliver(loop, {relay});
  check_counts(delivery, 0, 0, 2);
  CHECK_MESSAGE(has(delivery.reply, "ca_file"), delivery.reply);
  relay.ca_file.clear();

  relay.starttls = Starttls::opportunistic;
  check_counts(deliver(loop, {relay}), 2, 0, 0);
  CHECK(tls.mails().back().encrypted);
  relay.starttls = Starttls::off;
  check_counts(deliver(loop, {relay}), 2, 0, 0);
  CHECK_FALSE(tls.mails().back().encrypted);

  relay = plain(clear);
  relay.starttls = Starttls::opportunistic;
  check_counts(deliver(loop, {relay}), 2, 0, 0);
  relay.starttls = Starttls::required;
  delivery = deliver(loop, {relay});
  check_counts(delivery, 0, 0, 2);
  CHECK_MESSAGE(has(delivery.reply, "offers no STARTTLS"), delivery.reply);
  CHECK(clear.mails().size() == 1);

  relay.url = unwilling.url();
  delivery = deliver(loop, {relay});
  check_counts(delivery, 0, 0, 2);
  CHECK_MESSAGE(has(delivery.reply, "454 4.7.0 not now"), delivery.reply);
}

TEST_CASE("SMTP: with smtps all is encrypted; a certificate for another name is not trusted") {
  Loop loop;
  TemporaryFolder folder;
  FakeSmtpScript script;
  script.tls_at_once = true;
  script.certificate = folder / "certificate.pem";
  script.key = folder / "key.pem";
  FakeSmtp server(script);
  SmtpRelay relay;
  relay.url = server.url("localhost");
  relay.ca_file = script.certificate;
  test::make_certificate(folder.path());
  check_counts(deliver(loop, {relay}), 2, 0, 0);
  CHECK(server.mails().back().encrypted);
  test::make_certificate(folder.path(), "DNS:elsewhere.example");
  Delivery delivery = deliver(loop, {relay});
  check_counts(delivery, 0, 0, 2);
  CHECK_MESSAGE(has(delivery.reply, "certificate is not trusted"), delivery.reply);
  CHECK(server.mails().size() == 1);
}

TEST_CASE("SMTP: AUTH with the password of the file, read anew each time; nothing shows it") {
  Loop loop;
  TemporaryFolder folder;
  FakeSmtpScript script;
  script.user = "kanshi";
  script.password = "fire & tower 7";
  FakeSmtp server(script);
  SmtpRelay relay = plain(server);
  relay.user = "kanshi";
  relay.password_file = folder / "password";

  Delivery delivery = deliver(loop, {relay});
  check_counts(delivery, 0, 0, 2);
  CHECK_MESSAGE(has(delivery.reply, "cannot be read"), delivery.reply);
  CHECK(server.connections() == 0);

  test::write_file(relay.password_file, "wrong password\n");
  chmod(relay.password_file.c_str(), 0640);
  delivery = deliver(loop, {relay});
  check_counts(delivery, 0, 0, 2);
  CHECK_MESSAGE(has(delivery.reply, "AUTH failed: 535 5.7.8 wrong credentials"), delivery.reply);
  CHECK_FALSE(has(delivery.reply, "wrong password"));

  test::write_file(relay.password_file, "fire & tower 7\n");
  delivery = deliver(loop, {relay});
  check_counts(delivery, 2, 0, 0);
  CHECK(delivery.reply == "250 2.0.0 queued as 1");
  CHECK(server.mails().at(0).authenticated);

  chmod(relay.password_file.c_str(), 0644);
  delivery = deliver(loop, {relay});
  check_counts(delivery, 2, 0, 0);
  CHECK_MESSAGE(has(delivery.reply, "is open to everybody"), delivery.reply);

  // A relay that quotes what it was told.
  script.answers["dot"] =
      "451 your password fire & tower 7 is AGthbnNoaQBmaXJlICYgdG93ZXIgNw== here";
  server.set_script(script);
  delivery = deliver(loop, {relay});
  check_counts(delivery, 0, 0, 2);
  CHECK(has(delivery.reply, "451 your password [password] is [password] here"));
  CHECK(has(delivery.deferred[0].reply, "451 your password [password] is"));
  script.answers.erase("dot");

  for (const char* bad : {"", "\n", "two\nlines\n"}) {
    test::write_file(relay.password_file, bad);
    check_counts(deliver(loop, {relay}), 0, 0, 2);
  }
  relay.password_file = folder.path();
  check_counts(deliver(loop, {relay}), 0, 0, 2);
}

TEST_CASE("SMTP: a relay that offers no AUTH to a configured user gets no mail") {
  Loop loop;
  TemporaryFolder folder;
  // It would answer 550 to every recipient, and each would be refused for good.
  FakeSmtp server(answering("rcpt", "550 5.7.1 relaying denied"));
  SmtpRelay relay = plain(server);
  relay.user = "kanshi";
  relay.password_file = folder / "password";
  test::write_file(relay.password_file, "secret");
  Delivery delivery = deliver(loop, {relay});
  check_counts(delivery, 0, 0, 2);
  CHECK_MESSAGE(has(delivery.reply, "offers no AUTH"), delivery.reply);
  for (const std::string& command : server.commands())
    CHECK_FALSE(has(command, "MAIL"));
}

TEST_CASE("SMTP: addresses with line breaks never reach the wire") {
  Loop loop;
  FakeSmtp server({});
  Envelope mail = envelope();
  mail.to[0] = "a@b.example>\r\nRCPT TO:<x@y.example";
  Delivery delivery = deliver(loop, {plain(server)}, mail);
  check_counts(delivery, 1, 1, 0);
  CHECK_FALSE(has(delivery.refused[0].address, "\n"));
  CHECK(server.mails().at(0).to == std::vector<std::string>{"c@d.example"});
  for (const std::string& from :
       {std::string("k@e.example\r\nX"), std::string("k\0@e.example", 12), std::string()}) {
    mail = envelope();
    mail.from = from;
    check_counts(deliver(loop, {plain(server)}, mail), 0, 0, 2);
  }
  CHECK(server.connections() == 1);
  for (const std::string& command : server.commands())
    CHECK_FALSE(has(command, "x@y.example"));
}

TEST_CASE("SMTP: a server that floods, or speaks something else, does no harm") {
  Loop loop;
  std::string flood = "250-x";
  for (int at = 0; at < 50'000; ++at)
    flood += "\r\n250-x";
  FakeSmtp endless(answering("ehlo", flood));
  check_counts(deliver(loop, {plain(endless)}), 0, 0, 2);
  FakeSmtp long_line(answering("mail", "250 " + std::string(1'000'000, 'x')));
  Delivery delivery = deliver(loop, {plain(long_line)});
  check_counts(delivery, 0, 0, 2);
  CHECK_MESSAGE(has(delivery.reply, "not SMTP"), delivery.reply);
  FakeSmtp other(answering("mail", "HTTP/1.1 400 Bad Request"));
  check_counts(deliver(loop, {plain(other)}), 0, 0, 2);
  FakeSmtp eager(answering("mail", "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok"));
  CHECK(deliver(loop, {plain(eager)}).reply.size() <= 500);
}

TEST_CASE("SMTP: names that do not resolve, no relay, no recipient, no time") {
  Loop loop;
  SmtpRelay relay;
  relay.url = "smtp://nowhere.invalid:25";
  check_counts(deliver(loop, {relay}), 0, 0, 2);
  check_counts(deliver(loop, {}), 0, 0, 2);
  FakeSmtp server({});
  Envelope nobody = envelope();
  nobody.to.clear();
  check_counts(deliver(loop, {plain(server)}, nobody), 0, 0, 0);
  check_counts(deliver(loop, {plain(server)}, envelope(), Duration(0)), 0, 0, 2);
  CHECK(server.connections() == 0);
  // A password in the URL is not shown.
  relay.url = "smtp://user:hunter2@127.0.0.1:1";
  CHECK_FALSE(has(deliver(loop, {relay}).reply, "hunter2"));
}

TEST_CASE(
    "SMTP: several at once; nothing is called before deliver returns, nor after the transport is "
    "gone") {
  Loop loop;
  FakeSmtp server(answering("dot", "slow 250 ok"));
  auto smtp = make_smtp_transport(*loop.runtime, {plain(server)}, std::chrono::seconds(5), "w");
  int called = 0;
  auto begin = std::chrono::steady_clock::now();
  for (int at = 0; at < 5; ++at)
    smtp->deliver(envelope(), [&](const Delivery&) { ++called; });
  CHECK(called == 0);
  CHECK(loop.run_until([&] { return called == 5; }));
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(1'400));

  for (const char* stage : {"greeting", "mail", "dot"}) {
    FakeSmtp silent(answering(stage, "silent"));
    smtp = make_smtp_transport(*loop.runtime, {plain(silent)}, std::chrono::seconds(5), "w");
    smtp->deliver(envelope(), [&](const Delivery&) { ++called; });
    loop.run_for(std::chrono::milliseconds(50));
    smtp.reset();
    loop.run_for(std::chrono::milliseconds(20));
  }
  CHECK(called == 5);

  // `done` may destroy the transport.
  smtp = make_smtp_transport(*loop.runtime, {plain(server)}, std::chrono::seconds(5), "w");
  smtp->deliver(envelope(), [&](const Delivery&) {
    smtp.reset();
    ++called;
  });
  CHECK(loop.run_until([&] { return called == 6; }));
}
