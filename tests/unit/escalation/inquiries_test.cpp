// Inquiries: when answers are due, whom an address belongs to, and that no answer is lost in
// silence.
#include <doctest/doctest.h>

#include "world.hpp"

using namespace yagura;
using namespace yagura::test;

namespace {

std::string due(const Platform& platform, std::string_view from, Duration length) {
  auto at = after_open_time(platform, "response_hours", World::at(from), length);
  return at ? platform.zone.format(*at).substr(0, 19) : "never";
}

OpenInquiry from_aozora() {
  OpenInquiry open;
  open.bank = "aozora";
  open.subject = "ログイン";
  open.text = "ログインできない";
  return open;
}

}  // namespace

TEST_CASE(
    "time is counted while the response hours are open, over evenings, weekends and the turn of "
    "the year") {
  Platform platform = example_platform();
  CHECK(due(platform, "2026-12-08T10:10", 2h) == "2026-12-08T12:10:00");
  CHECK(due(platform, "2026-12-08T15:00", 2h) == "2026-12-08T17:00:00");
  CHECK(due(platform, "2026-12-08T15:01", 2h) == "2026-12-09T10:01:00");
  CHECK(due(platform, "2026-12-08T08:00", 2h) == "2026-12-08T12:00:00");
  CHECK(due(platform, "2026-12-08T17:00", 2h) == "2026-12-09T12:00:00");
  CHECK(due(platform, "2026-12-11T16:20", 2h) == "2026-12-14T11:20:00");
  CHECK(due(platform, "2026-12-28T16:00", 2h) == "2027-01-04T11:00:00");
  CHECK(due(platform, "2026-12-08T10:00", 21h) == "2026-12-10T17:00:00");
  platform.windows["response_hours"] = Window();
  CHECK(due(platform, "2026-12-08T10:10", 2h) == "never");
}

TEST_CASE("an address is known whatever its case, as a contact before a colleague") {
  Platform platform = example_platform();
  const Contact& contact = platform.banks.at("aozora").contacts.at(0);
  std::string shouted = contact.mail;
  for (char& c : shouted)
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  auto found = correspondent_of(platform, shouted);
  REQUIRE(found);
  CHECK(found->bank == "aozora");
  CHECK(found->address == contact.mail);
  CHECK_FALSE(correspondent_of(platform, ""));
  CHECK_FALSE(correspondent_of(platform, contact.mail + "x"));
}

TEST_CASE("an answer that is refused for good: the desk hears it, and the inquiry waits again") {
  World world(example_platform(), World::at("2026-12-08T10:00"));
  const std::string address = world.platform().banks.at("aozora").contacts.at(0).mail;
  world.order("kudo", from_aozora());
  REQUIRE(world.accepted());
  world.refuses[address] = 550;
  world.order("kudo", ReplyInquiry{1, 0, "はい", false});
  REQUIRE(world.accepted());
  world.run_for(1min);
  const Inquiry& inquiry = world.state().inquiries.at(1);
  CHECK(inquiry.phase() == InquiryPhase::received);
  CHECK(inquiry.first_reply_due);
  CHECK(inquiry.messages.back().undelivered);
  CHECK(world.count(NoticeKind::inquiry_reminder, "inquiry-desk") == 1);
  world.order("kudo", ReplyInquiry{1, 0, "電話で回答", false});
  CHECK(world.accepted());
}

TEST_CASE("where nobody has the desk's role the lead hears of inquiries") {
  Platform platform = example_platform();
  std::erase_if(platform.people,
                [](const auto& entry) { return entry.second.roles.contains(Role::inquiry_desk); });
  World world(platform, World::at("2026-12-08T10:00"));
  world.order("sato", from_aozora());
  REQUIRE(world.accepted());
  world.run_for(3h);
  CHECK(world.count(NoticeKind::inquiry_received, "system-lead") == 1);
  CHECK(world.count(NoticeKind::inquiry_reminder, "system-lead") == 2);
}

TEST_CASE("a bank with several contacts: who asks has to be said") {
  Platform platform = example_platform();
  platform.banks.at("aozora").contacts = {{"山田 太郎", "yamada@aozora.example"},
                                          {"川上 進", "kawakami@aozora.example"}};
  World world(platform, World::at("2026-12-08T10:00"));
  OpenInquiry open = from_aozora();
  CHECK(world.order("kudo", open).find("川上 進 <kawakami@aozora.example>") != std::string::npos);
  CHECK_FALSE(world.accepted());
  open.from = "川上 進";
  world.order("kudo", open);
  REQUIRE(world.accepted());
  CHECK(world.state().inquiries.at(1).address == "kawakami@aozora.example");
  open.from = "窓口の方";
  world.order("kudo", open);
  REQUIRE(world.accepted());
  CHECK(world.state().inquiries.at(2).address.empty());
  CHECK(world.state().inquiries.at(2).bank == "aozora");
}

TEST_CASE("other hours, and what is due is due by them") {
  World world(example_platform(), World::at("2026-12-08T16:00"));
  world.order("kudo", from_aozora());
  CHECK(world.state().inquiries.at(1).first_reply_due == World::at("2026-12-09T11:00"));
  Platform platform = world.platform();
  platform.inquiries.first_reply_within = 4h;
  world.reload(platform);
  CHECK(world.state().inquiries.at(1).first_reply_due == World::at("2026-12-09T13:00"));
}
