// Mails to the inquiry desk: which inquiry one belongs to, whom nobody answers, and that none is taken twice.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "world.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

int number = 0;

MailCame from(const std::string& address, const std::string& subject = "ログイン", const std::string& text = "ログインできない") {
  MailCame mail;
  mail.spooled = fmt::format("mail-{}", ++number);
  mail.message_id = fmt::format("<{}@aozora.example>", number);
  mail.from_address = address;
  mail.subject = subject;
  mail.text = text;
  return mail;
}

struct Desk {
  World world{example_platform(), World::at("2026-12-08T10:00")};
  std::string contact = world.platform().banks.at("aozora").contacts.at(0).mail;
  std::string other_bank = world.platform().banks.at("midori").contacts.at(0).mail;

  const Inquiry& inquiry(InquiryId id) const { return world.state().inquiries.at(id); }
  std::size_t inquiries() const { return world.state().inquiries.size(); }
  void come(const MailCame& mail) {
    world.mail_comes(mail);
    world.run_for(1s);
  }
  std::string reply(InquiryId id) {
    world.order("kudo", ReplyInquiry{id, 0, "お試しください", false});
    REQUIRE(world.accepted());
    world.run_for(1min);
    return world.notice(inquiry(id).last_answer()->notice).message_id;
  }
};

}  // namespace

TEST_CASE("a contact's mail is an inquiry, which the desk hears of and answers") {
  Desk desk;
  desk.come(from(desk.contact));
  REQUIRE(desk.inquiries() == 1);
  CHECK(desk.inquiry(1).bank == "aozora");
  CHECK(desk.inquiry(1).by_mail);
  CHECK(desk.inquiry(1).first_reply_due == World::at("2026-12-08T12:00"));
  CHECK(desk.world.count(NoticeKind::inquiry_received, "inquiry-desk") == 1);
  desk.reply(1);
  CHECK(desk.world.count(NoticeKind::inquiry_reply, "inquiry:1") == 1);
}

TEST_CASE("what comes back belongs to it: by what it refers to, ours or theirs, and by the number in its subject") {
  Desk desk;
  const MailCame first = from(desk.contact);
  desk.come(first);
  const std::string answer = desk.reply(1);
  for (int way = 0; way < 3; ++way) {
    MailCame next = from(desk.contact);
    if (way == 0) next.references = {answer};
    if (way == 1) next.references = {first.message_id, "<unknown@aozora.example>"};
    if (way == 2) next.number = 1;
    desk.come(next);
    CHECK(desk.inquiry(1).messages.size() == static_cast<std::size_t>(3 + way));
    CHECK(desk.inquiry(1).waits_since);
  }
  CHECK(desk.inquiries() == 1);
}

TEST_CASE("a closed one is open again when who asked goes on") {
  Desk desk;
  desk.come(from(desk.contact));
  const std::string answer = desk.reply(1);
  desk.world.order("kudo", CloseInquiry{1, "解決"});
  MailCame next = from(desk.contact);
  next.references = {answer};
  desk.come(next);
  CHECK(desk.inquiry(1).is_open());
  CHECK(desk.inquiry(1).waits_since);
}

TEST_CASE("another bank that names the number, or the mail, begins an inquiry of its own") {
  Desk desk;
  desk.come(from(desk.contact));
  const std::string answer = desk.reply(1);
  MailCame guess = from(desk.other_bank);
  guess.number = 1;
  guess.references = {answer};
  desk.come(guess);
  REQUIRE(desk.inquiries() == 2);
  CHECK(desk.inquiry(1).messages.size() == 2);
  CHECK(desk.inquiry(2).bank == "midori");
}

TEST_CASE("a stranger is kept aside: nobody is told, nobody waits, and nobody can be answered") {
  Desk desk;
  desk.come(from("who@elsewhere.example"));
  desk.world.run_for(24h);
  CHECK(desk.inquiry(1).aside == Aside::unknown_sender);
  CHECK(desk.world.mails.empty());
  desk.world.order("kudo", ReplyInquiry{1, 0, "はい", false});
  CHECK_FALSE(desk.world.accepted());
  desk.world.order("kudo", CloseInquiry{1, ""});
  CHECK(desk.world.accepted());
}

TEST_CASE("what a machine wrote wakes nobody: in its thread it is kept, else aside") {
  Desk desk;
  desk.come(from(desk.contact));
  const std::string answer = desk.reply(1);
  const std::size_t mails = desk.world.mails.size();
  MailCame absence = from(desk.contact, "不在", "休暇中です");
  absence.automatic = "Auto-Submitted: auto-replied";
  absence.references = {answer};
  desk.come(absence);
  absence = from(desk.contact, "不在", "休暇中です");
  absence.automatic = "Auto-Submitted: auto-replied";
  desk.come(absence);
  MailCame own = from(desk.contact);
  own.message_id = answer;
  desk.come(own);
  desk.world.run_for(1h);
  CHECK(desk.world.mails.size() == mails);
  CHECK_FALSE(desk.inquiry(1).waits_since);
  CHECK(desk.inquiry(1).messages.back().automatic);
  CHECK(desk.inquiry(2).aside == Aside::automatic);
  CHECK(desk.inquiry(3).aside == Aside::automatic);
}

TEST_CASE("a mail is taken once: after a crash before its file was gone, and when it is sent twice") {
  Desk desk;
  const MailCame mail = from(desk.contact);
  desk.come(mail);
  desk.world.restart(1min);
  desk.come(mail);
  MailCame again = mail;
  again.spooled = "another";
  desk.come(again);
  CHECK(desk.inquiries() == 1);
  CHECK(desk.inquiry(1).messages.size() == 1);
  // The first had broken off.
  again.spooled = "whole";
  again.text += "、助けて";
  again.number = 1;
  desk.come(again);
  CHECK(desk.inquiry(1).messages.size() == 2);
}

TEST_CASE("more than twenty of one sender within an hour are kept aside") {
  Desk desk;
  for (int i = 0; i < 22; ++i) desk.come(from(desk.contact));
  desk.come(from(desk.other_bank));
  CHECK(desk.inquiry(20).aside == Aside::no);
  CHECK(desk.inquiry(21).aside == Aside::too_many);
  CHECK(desk.inquiry(22).aside == Aside::too_many);
  CHECK(desk.inquiry(23).aside == Aside::no);
  desk.world.run_for(1h);
  desk.come(from(desk.contact));
  CHECK(desk.inquiry(24).aside == Aside::no);
}

TEST_CASE("an answer that comes back later: the desk hears it, and the inquiry waits again, once") {
  Desk desk;
  desk.come(from(desk.contact));
  const std::string answer = desk.reply(1);
  for (int i = 0; i < 2; ++i) {
    MailCame bounce = from("mailer-daemon@aozora.example", "Undelivered Mail", "550 5.1.1 no such user");
    bounce.automatic = "an empty return path";
    bounce.undelivered = {answer};
    desk.come(bounce);
    desk.world.run_for(1min);
  }
  CHECK(desk.inquiries() == 1);
  CHECK(desk.inquiry(1).waits_since);
  CHECK(desk.inquiry(1).messages.back().undelivered);
  CHECK(desk.world.count(NoticeKind::inquiry_reminder, "inquiry-desk") == 1);
}

TEST_CASE("another contact of the bank goes on, and is answered") {
  Platform platform = example_platform();
  platform.banks.at("aozora").contacts = {{"山田 太郎", "yamada@aozora.example"}, {"川上 進", "kawakami@aozora.example"}};
  World world(platform, World::at("2026-12-08T10:00"));
  world.mail_comes(from("yamada@aozora.example"));
  MailCame next = from("KAWAKAMI@aozora.example");
  next.number = 1;
  world.mail_comes(next);
  CHECK(world.state().inquiries.at(1).address == "kawakami@aozora.example");
  world.order("kudo", ReplyInquiry{1, 0, "はい", false});
  world.run_for(1min);
  const Inquiry& inquiry = world.state().inquiries.at(1);
  CHECK(world.notice(inquiry.last_answer()->notice).to.at(0).mail == "kawakami@aozora.example");
}

TEST_CASE("of mails kept aside the oldest make room, so that strangers fill nothing") {
  Desk desk;
  for (int i = 0; i < 503; ++i) desk.world.mail_comes(from(fmt::format("{}@elsewhere.example", i)));
  CHECK(desk.inquiries() == 500);
  CHECK_FALSE(desk.world.state().inquiries.contains(3));
  CHECK_FALSE(desk.inquiry(4).closed_at);
  desk.come(from(desk.contact));
  CHECK(desk.inquiry(504).bank == "aozora");
}

TEST_CASE("one that has files is known as long as they are there") {
  Desk desk;
  MailCame absent = from(desk.contact);
  absent.automatic = "Auto-Submitted: auto-replied";
  absent.files = {{"1/1-card.vcf", 100}};
  desk.come(absent);
  for (int i = 0; i < 500; ++i) desk.world.mail_comes(from(fmt::format("{}@elsewhere.example", i)));
  CHECK(desk.inquiry(1).closed_at);
  CHECK(desk.inquiry(1).messages.at(0).text.empty());
  CHECK(desk.inquiry(1).messages.at(0).files.size() == 1);
}

TEST_CASE("an answer that is refused for good is lost, whatever came after it: a machine's mail, or another answer") {
  for (const bool another : {false, true}) {
    CAPTURE(another);
    Desk desk;
    desk.come(from(desk.contact));
    desk.world.relay_hangs = true;
    desk.world.order("kudo", ReplyInquiry{1, 0, "お試しください", false});
    REQUIRE(desk.world.accepted());
    const NoticeId lost = desk.inquiry(1).last_answer()->notice;
    if (another) {
      desk.world.order("kudo", ReplyInquiry{1, 0, "補足です", true});
      REQUIRE(desk.world.accepted());
    } else {
      MailCame absence = from(desk.contact, "不在", "休暇中です");
      absence.automatic = "Auto-Submitted: auto-replied";
      absence.references = {desk.inquiry(1).messages.front().message_id};
      desk.come(absence);
      REQUIRE(desk.inquiry(1).messages.back().automatic);
    }
    desk.world.refuses[desk.contact] = 550;
    desk.world.relay_answers();
    desk.world.run_for(1min);
    REQUIRE(desk.world.notice(lost).state == NoticeState::undeliverable);
    for (const InquiryMessage& message : desk.inquiry(1).messages) {
      if (message.notice == lost) CHECK(message.undelivered);
    }
    CHECK(desk.inquiry(1).waits_since);
  }
}

TEST_CASE("of two answers that are lost together the desk hears once") {
  Desk desk;
  desk.come(from(desk.contact));
  desk.world.run_for(1min);
  for (const bool again : {false, true}) {
    desk.world.relay_hangs = true;
    desk.world.order("kudo", ReplyInquiry{1, 0, "お試しください", again});
    REQUIRE(desk.world.accepted());
  }
  Platform platform = desk.world.platform();
  platform.banks.at("aozora").contacts.front().mail = "new@aozora.example";
  desk.world.mail_up = false;
  desk.world.relay_answers();
  desk.world.mail_up = true;
  desk.world.reload(platform);
  desk.world.run_for(1min);
  CHECK(desk.inquiry(1).messages.at(1).undelivered);
  CHECK(desk.inquiry(1).messages.at(2).undelivered);
  CHECK(desk.world.count(NoticeKind::inquiry_reminder, "inquiry-desk") == 1);
}

TEST_CASE("two people who tell all who ask about a failure: the second reads what the first said") {
  Desk desk;
  Platform platform = desk.world.platform();
  platform.people["mori"] = platform.people.at("kudo");
  platform.people.at("mori").id = "mori";
  desk.world.reload(platform);
  desk.world.order("kudo", Open{{}, {"admin-console"}, false, true, "画面が出ない"});
  desk.world.order("kudo", Open{{}, {"member-site"}, false, true, "こちらも出ない"});
  REQUIRE(desk.world.failures() == 2);
  desk.come(from(desk.contact));
  desk.world.order("kudo", LinkInquiry{1, 1});
  REQUIRE(desk.world.accepted());
  desk.world.order("kudo", ReplyInquiry{0, 1, "復旧作業中です", false});
  CHECK(desk.world.accepted());
  std::string said = desk.world.order("mori", ReplyInquiry{0, 1, "調査中です", false});
  CHECK_FALSE(desk.world.accepted());
  CHECK(said.find("answered already, by kudo") != std::string::npos);
  CHECK(said.find("復旧作業中です") != std::string::npos);
  // Of the other failure that it is about nobody has said anything.
  desk.world.order("kudo", LinkInquiry{1, 2});
  desk.world.order("mori", ReplyInquiry{0, 2, "そちらも調査中です", false});
  CHECK(desk.world.accepted());
  desk.world.order("mori", ReplyInquiry{0, 1, "あと10分です", true});
  CHECK(desk.world.accepted());
  desk.world.order("mori", ReplyInquiry{0, 1, "復旧しました", false});
  CHECK(desk.world.accepted());
}

TEST_CASE("a reminder that was put off goes no more once the desk has answered") {
  Desk desk;
  desk.come(from(desk.contact));
  desk.world.run_for(30min);
  desk.world.relay_hangs = true;
  desk.world.run_for(75min);
  desk.world.order("kudo", ReplyInquiry{1, 0, "お試しください", false});
  REQUIRE(desk.world.accepted());
  desk.world.mail_up = false;
  desk.world.relay_answers();
  desk.world.mail_up = true;
  desk.world.run_for(1h);
  CHECK(desk.world.count(NoticeKind::inquiry_reminder) == 0);
  CHECK(desk.world.count(NoticeKind::inquiry_reply) == 1);
}

TEST_CASE("an answer that waits for the morning goes to whom it was given, though another contact writes and the daemon starts again") {
  Platform platform = example_platform();
  const std::string first = platform.banks.at("aozora").contacts.at(0).mail, second = "kawakami@aozora.example";
  platform.banks.at("aozora").contacts.push_back({"川上 進", second});
  Desk desk{World(platform, World::at("2026-12-08T18:00")), first};
  desk.come(from(first));
  desk.world.order("kudo", ReplyInquiry{1, 0, "お試しください", false});
  REQUIRE(desk.world.accepted());
  const NoticeId answer = desk.inquiry(1).last_answer()->notice;
  MailCame other = from(second);
  other.references = {desk.inquiry(1).messages.front().message_id};
  desk.come(other);
  REQUIRE(desk.inquiry(1).messages.size() == 3);
  desk.world.restart(1min);
  REQUIRE(desk.world.notice(answer).to.size() == 1);
  CHECK(desk.world.notice(answer).to[0].mail == first);
  CHECK(desk.world.count(NoticeKind::lead_attention) == 0);
}
