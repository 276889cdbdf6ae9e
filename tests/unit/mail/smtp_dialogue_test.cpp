#include "smtp_dialogue.hpp"

#include <doctest/doctest.h>

using namespace yagura;

namespace {

SmtpReply reply(const std::string& text) {
  SmtpReplyReader reader;
  REQUIRE(reader.feed(text + "\r\n"));
  return *reader.take();
}

const std::vector<std::string> two{"a@b.example", "c@d.example"};

}  // namespace

TEST_CASE("replies are read in any pieces; what is no SMTP, or has no end, is told") {
  std::string bytes = "250-fake\r\n250-SIZE 1\r\n250 HELP\r\n550 5.1.1 no\nsuch\r\n";
  SmtpReplyReader reader;
  for (std::size_t at = 0; at + 6 < bytes.size(); ++at)
    REQUIRE(reader.feed(bytes.substr(at, 1)));
  auto first = reader.take();
  REQUIRE(first);
  CHECK(first->code == 250);
  CHECK(first->lines == std::vector<std::string>{"fake", "SIZE 1", "HELP"});
  CHECK(first->text() == "250 fake SIZE 1 HELP");
  CHECK(reader.take()->text() == "550 5.1.1 no");
  CHECK_FALSE(reader.take());
  CHECK_FALSE(reader.feed("such\r\n"));

  CHECK(reply("550-5.7.1 first\r\n550 5.7.1 second").text() == "550 5.7.1 first second");
  CHECK(reply("550 \x1b[31mred\x01").text() == "550 \\x1b[31mred\\x01");
  CHECK(reply("250").text() == "250");
  for (const char* bad :
       {"hello\r\n", "25\r\n", "199 x\r\n", "2500 x\r\n", "\r\n", "HTTP/1.1 400 Bad Request\r\n"}) {
    CHECK_FALSE(SmtpReplyReader().feed(bad));
  }
  SmtpReplyReader endless;
  CHECK_FALSE(endless.feed("250 " + std::string(5'000, 'x')));
  SmtpReplyReader many;
  bool good = true;
  for (int at = 0; at < 200 && good; ++at)
    good = many.feed("250-x\r\n");
  CHECK_FALSE(good);
}

TEST_CASE("the wire form has CRLF only, doubled dots, and one final dot") {
  CHECK(smtp_wire_form("a\r\n.b\r\n..\r\n") == "a\r\n..b\r\n...\r\n.\r\n");
  CHECK(smtp_wire_form("a\n.\nb\r.\rc") == "a\r\n..\r\nb\r\n..\r\nc\r\n.\r\n");
  CHECK(smtp_wire_form("") == ".\r\n");
  CHECK(smtp_wire_form(".") == "..\r\n.\r\n");
}

TEST_CASE("commands go in one write where the relay takes them so, else one by one") {
  std::string bytes = "x\r\n";
  SmtpDialogue together("k@e.example", two, bytes, {true, true});
  CHECK(together.begin() ==
        "MAIL FROM:<k@e.example> SIZE=3\r\nRCPT TO:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n");
  CHECK(together.take(reply("250 ok")).empty());
  CHECK(together.take(reply("250 ok")).empty());
  CHECK(together.take(reply("250 ok")) == "DATA\r\n");
  CHECK(together.take(reply("354 go")) == "x\r\n.\r\n");

  SmtpDialogue single("k@e.example", two, bytes, {});
  CHECK(single.begin() == "MAIL FROM:<k@e.example>\r\n");
  CHECK(single.take(reply("250 ok")) == "RCPT TO:<a@b.example>\r\n");
  CHECK(single.take(reply("250 ok")) == "RCPT TO:<c@d.example>\r\n");
  CHECK(single.take(reply("250 ok")) == "DATA\r\n");
  CHECK(single.take(reply("354 go")) == "x\r\n.\r\n");
  CHECK_FALSE(single.awaits_verdict());
  single.sent();
  CHECK(single.awaits_verdict());
  CHECK(single.take(reply("250 2.0.0 queued")).empty());
  CHECK(single.over());
  CHECK(single.delivery().accepted == two);
  CHECK(single.delivery().reply == "250 2.0.0 queued");
}

TEST_CASE("a sender that the relay does not want is said to be that, and no recipient's fault") {
  std::string bytes = "x\r\n";
  SmtpDialogue dialogue("k@e.example", {"a@b.example"}, bytes, {});
  dialogue.begin();
  dialogue.take({550, {"5.7.1 not yours"}});
  const Delivery delivery = dialogue.delivery();
  REQUIRE(delivery.refused.size() == 1);
  CHECK(delivery.refused[0].reply.starts_with("the relay refuses the sender <k@e.example>: 550"));
}

TEST_CASE("each answer at each stage has its outcome for each recipient") {
  struct Row {
    const char *mail, *first, *second, *data, *dot;  // nullptr: the connection is lost instead
    std::size_t accepted, refused, deferred;
    bool unknown;
  };
  for (const Row& row : {Row{"250", "250", "250", "354", "250", 2, 0, 0, false},
                         Row{"250", "550", "250", "354", "250", 1, 1, 0, false},
                         Row{"250", "450", "250", "354", "250", 1, 0, 1, false},
                         Row{"250", "552", "251", "354", "250", 1, 0, 1, false},
                         Row{"250", "550", "450", "", "", 0, 1, 1, false},
                         Row{"250", "550", "553", "", "", 0, 2, 0, false},
                         Row{"250", "530", "554", "", "", 0, 1, 1, false},
                         Row{"250", "250", "421", "", "", 0, 0, 2, false},
                         Row{"250", "550", "250", "354", "451", 0, 1, 1, false},
                         Row{"250", "450", "250", "354", "554", 0, 1, 1, false},
                         Row{"250", "250", "250", "354", "421", 0, 0, 2, false},
                         Row{"250", "250", "250", "354", "354", 0, 0, 0, true},
                         Row{"250", "250", "250", "354", nullptr, 0, 0, 0, true},
                         Row{"250", "550", "250", "354", nullptr, 0, 1, 0, true},
                         Row{"250", "450", "250", "354", nullptr, 0, 0, 1, true},
                         Row{"250", "250", "250", "451", "", 0, 0, 2, false},
                         Row{"250", "250", "250", "554", "", 0, 2, 0, false},
                         Row{"250", "250", "250", "503", "", 0, 0, 2, false},
                         Row{"250", "250", "250", "250", "", 0, 0, 2, false},
                         Row{"250", "250", "250", nullptr, "", 0, 0, 2, false},
                         Row{"250", "550", nullptr, "", "", 0, 1, 1, false},
                         Row{"550", "", "", "", "", 0, 2, 0, false},
                         Row{"451", "", "", "", "", 0, 0, 2, false},
                         Row{"530", "", "", "", "", 0, 0, 2, false},
                         Row{nullptr, "", "", "", "", 0, 0, 2, false}}) {
    std::string bytes = "x\r\n";
    SmtpDialogue dialogue("k@e.example", two, bytes, {});
    dialogue.begin();
    std::string said;
    for (const char* answer : {row.mail, row.first, row.second, row.data, row.dot}) {
      said += answer == nullptr ? " lost" : std::string(" ") + answer;
      if (dialogue.over()) continue;
      if (answer == nullptr) {
        dialogue.lost("the cable broke");
      } else {
        dialogue.take(reply(answer));
        dialogue.sent();
      }
    }
    CAPTURE(said);
    REQUIRE(dialogue.over());
    Delivery delivery = dialogue.delivery();
    CHECK(delivery.accepted.size() == row.accepted);
    CHECK(delivery.refused.size() == row.refused);
    CHECK(delivery.deferred.size() == row.deferred);
    CHECK(delivery.unknown == row.unknown);
    CHECK_FALSE(delivery.reply.empty());
  }
}

TEST_CASE("an answer before the whole mail was sent is never a yes") {
  std::string bytes = "x\r\n";
  for (const char* answer : {"250 thanks", "451 later"}) {
    SmtpDialogue dialogue("k@e.example", two, bytes, {});
    dialogue.begin();
    for (const char* good : {"250", "250", "250", "354"})
      dialogue.take(reply(good));
    dialogue.take(reply(answer));
    CHECK(dialogue.delivery().deferred.size() == 2);
  }
  SmtpDialogue dialogue("k@e.example", two, bytes, {});
  dialogue.begin();
  for (const char* good : {"250", "250", "250", "354"})
    dialogue.take(reply(good));
  dialogue.lost("the cable broke");
  CHECK(dialogue.delivery().deferred.size() == 2);
  CHECK_FALSE(dialogue.delivery().unknown);
}
