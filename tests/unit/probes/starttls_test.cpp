#include "liveness/starttls.hpp"

#include <doctest/doctest.h>

using namespace yagura;
using State = StartTls::State;

namespace {

StartTls dialogue(const char* protocol) {
  return StartTls(*starttls_protocol(protocol), "[127.0.0.1]");
}

}  // namespace

TEST_CASE("STARTTLS: SMTP is greeted, asked what it offers, and told to begin") {
  StartTls smtp = dialogue("smtp");
  CHECK(smtp.feed("220-mail.example.jp\r\n220 ESM") == State::waiting);
  CHECK(smtp.take().empty());
  smtp.feed("TP ready\r\n");
  CHECK(smtp.take() == "EHLO [127.0.0.1]\r\n");
  smtp.feed("250-mail.example.jp\r\n250-STARTTLSX\r\n250-starttls\r\n");
  CHECK(smtp.take().empty());
  smtp.feed("250 8BITMIME\r\n");
  CHECK(smtp.take() == "STARTTLS\r\n");
  CHECK(smtp.take().empty());
  CHECK(smtp.feed("220 go ahead\r\n") == State::ready);
}

TEST_CASE("STARTTLS: the dialogues of IMAP, POP3 and FTP") {
  StartTls imap = dialogue("imap");
  imap.feed("* OK [CAPABILITY IMAP4rev1] ready\r\n");
  CHECK(imap.take() == "y1 STARTTLS\r\n");
  CHECK(imap.feed("* 3 EXISTS\r\n") == State::waiting);
  CHECK(imap.feed("y1 OK begin\r\n") == State::ready);
  StartTls pop3 = dialogue("pop3");
  pop3.feed("+OK\r\n");
  CHECK(pop3.take() == "STLS\r\n");
  CHECK(pop3.feed("+OK\n") == State::ready);
  StartTls ftp = dialogue("ftp");
  ftp.feed("220-welcome\r\n  to this server\r\n220\r\n");
  CHECK(ftp.take() == "AUTH TLS\r\n");
  CHECK(ftp.feed("234 go\r\n") == State::ready);
  CHECK(starttls_protocol("telnet") == nullptr);
}

TEST_CASE("STARTTLS: who offers none, or says no, is refused with its words") {
  StartTls none = dialogue("smtp");
  none.feed("220 x\r\n");
  none.take();
  CHECK(none.feed("250-x\r\n250 SIZE\r\n") == State::refused);
  CHECK(none.refusal() == "offers no STARTTLS");
  StartTls busy = dialogue("smtp");
  CHECK(busy.feed("421 \x1b[31mbusy\xff\r\n") == State::refused);
  CHECK(busy.refusal() == "said '421 \\x1b[31mbusy\xEF\xBF\xBD'");
  StartTls no = dialogue("imap");
  no.feed("* OK\r\n");
  no.take();
  CHECK(no.feed("y1 NO not today\r\n") == State::refused);
  CHECK(no.refusal() == "said 'y1 NO not today'");
}

TEST_CASE("STARTTLS: what comes in the clear behind the last reply is not taken for TLS") {
  StartTls pop3 = dialogue("pop3");
  pop3.feed("+OK\r\n");
  pop3.take();
  CHECK(pop3.feed("+OK\r\n+OK injected\r\n") == State::refused);
  CHECK(pop3.refusal() == "sent more in the clear after it had agreed to TLS");
}

TEST_CASE("STARTTLS: an answer to what was not asked is none") {
  StartTls smtp = dialogue("smtp");
  CHECK(smtp.feed("220 x\r\n250 STARTTLS\r\n220 go\r\n") == State::refused);
  CHECK(smtp.refusal() == "answers before it was asked");
  CHECK(smtp.take().empty());
}

TEST_CASE("STARTTLS: a dialogue has an end") {
  StartTls chatter = dialogue("smtp");
  State state = State::waiting;
  for (int line = 0; line < 1000 && state == State::waiting; ++line)
    state = chatter.feed("220-a\r\n");
  CHECK(state == State::refused);
  CHECK(chatter.refusal() == "sent 100 lines without coming to TLS");
  StartTls flood = dialogue("smtp");
  CHECK(flood.feed(std::string(20'000, 'x')) == State::refused);
  CHECK(flood.refusal() == "sent 16 KiB without coming to TLS");
  CHECK(flood.heard().size() <= 120);
}
