// A bank's personal data is found, and goes; the chain stays.
#include "erasure.hpp"

#include "support.hpp"

using namespace yagura;

namespace {

RecordEntry of_notice(std::int64_t notice, std::string what, std::string payload, bool state = false) {
  RecordEntry made = entry(std::move(what), std::move(payload), state ? fmt::format("notice:{}", notice) : "");
  made.notice = notice;
  return made;
}

}  // namespace

TEST_CASE("names, addresses and texts of one bank are found wherever they stand") {
  TempFolder folder;
  auto store = open_store(folder.path());
  const RecordEntry rows[] = {
      of_notice(1, "state.notice", R"({"audience":"bank:aozora","to":[{"name":"青木 \"A\"","mail":"aoki@aozora.example"}]})", true),
      of_notice(2, "state.notice", R"({"audience":"bank:midori","to":[{"name":"緑川","mail":"m@midori.example"}]})", true),
      of_notice(1, "notice.attempt", R"({"reply":"550 <aoki@aozora.example>"})"),
      of_notice(0, "failure.progress", R"({"text":"青木 \"A\" 様に電話"})"),
      of_notice(1, "notice.edited", R"({"body":"拝啓"})"),
      of_notice(1, "notice.sent", R"({"kind":"bank.first"})"),
      of_notice(3, "state.notice", R"({"audience":"system-lead","details":{"who":"aoki@aozora.example"}})", true),
      of_notice(1, "state.notice", R"j({"audience":"bank:aozora","to":[{"name":"(erased)","mail":"(erased)"}]})j", true)};
  for (const RecordEntry& row : rows) store->append(one(row), nullptr);
  Transaction mails;
  mails.mails.push_back({1, "<1@x>", "aoki"});
  mails.mails.push_back({2, "<2@x>", "midori"});
  mails.mails.push_back({4, "<4@x>", "Subject: x\r\n\r\nVGVsbCBhb2tpQGFvem9yYS5l\r\neGFtcGxlIQ==\r\n"});  // Tell aoki@…!
  store->append(std::move(mails), nullptr);
  REQUIRE(store->flush(10s));

  auto reader = RecordReader::open(folder / "yagura.db");
  auto data = personal_data_of(*reader, "aozora");
  REQUIRE(data.has_value());
  CHECK(data->texts == std::set<std::string>{"青木 \"A\"", "aoki@aozora.example"});
  CHECK(data->notices == std::set<std::int64_t>{1});
  auto found = erasable_rows(*reader, *data);
  REQUIRE(found.has_value());
  CHECK(found->rows == std::vector<std::int64_t>{1, 3, 4, 5});
  CHECK(found->mails == std::vector<std::int64_t>{1, 3, 4});
  CHECK(found->left == 1);  // row 7 is what the daemon knows of notice 3

  Transaction erase = one(entry("record.erased", R"({"erased_rows":"1,3-5"})"));
  erase.erase_rows = found->rows;
  erase.erase_mails = found->mails;
  store->append(std::move(erase), nullptr);
  REQUIRE(store->flush(10s));
  CHECK_FALSE(store->verify()->has_value());
  CHECK((*store->mail(1))->bytes.empty());
  CHECK((*store->mail(2))->bytes == "midori");
  const auto all = all_rows(*store);
  CHECK(all[0].erased);
  CHECK(all[0].payload.empty());
  CHECK(all[0].what == "state.notice");
  CHECK_FALSE(all[5].erased);

  // One more than the row names is found.
  Transaction unnamed;
  unnamed.erase_rows = {6};
  store->append(std::move(unnamed), nullptr);
  REQUIRE(store->flush(10s));
  auto mismatch = store->verify();
  REQUIRE((mismatch && *mismatch));
  CHECK((*mismatch)->row == 6);
}

TEST_CASE("of a bank's inquiries all that was said is found, also in the mails to the desk") {
  TempFolder folder;
  auto store = open_store(folder.path());
  auto of_inquiry = [](std::int64_t id, std::string payload) {
    return entry("state.inquiry", std::move(payload), fmt::format("inquiry:{}", id));
  };
  const RecordEntry rows[] = {
      of_inquiry(3, R"({"id":3,"bank":"aozora","from":"青木 一","address":"aoki@aozora.example","subject":"印鑑"})"),
      entry("inquiry.received", R"({"inquiry":"3","text":"印鑑の件"})"),
      of_notice(1, "state.notice", R"({"audience":"inquiry-desk","inquiry":3,"subject":"問合せ 印鑑"})", true),
      of_inquiry(4, R"({"id":4,"bank":"midori","from":"緑川","address":"m@midori.example","subject":"x"})"),
      entry("inquiry.received", R"({"inquiry":"4","text":"別件"})"),
      entry("failure.progress", R"({"text":"青木 一 様"})"),
      of_inquiry(5, R"({"id":5,"bank":"aozora","from":"受付係","address":"","subject":"y"})"),
      entry("failure.progress", R"({"text":"受付係"})"),  // a word that the desk wrote, not a name that is looked for
      of_notice(1, "state.notice", R"j({"audience":"inquiry-desk","inquiry":3,"subject":"(erased)"})j", true),
      of_inquiry(3, R"j({"id":3,"bank":"aozora","from":"(erased)","address":"","subject":"(erased)"})j"),
      of_inquiry(5, R"j({"id":5,"bank":"aozora","from":"(erased)","address":"","subject":"(erased)"})j")};
  for (const RecordEntry& row : rows) store->append(one(row), nullptr);
  REQUIRE(store->flush(10s));
  auto reader = RecordReader::open(folder / "yagura.db");
  auto data = personal_data_of(*reader, "aozora");
  REQUIRE(data.has_value());
  CHECK(data->texts == std::set<std::string>{"青木 一", "aoki@aozora.example"});
  CHECK(data->inquiries == std::set<std::int64_t>{3, 5});
  CHECK(data->notices.empty());
  auto found = erasable_rows(*reader, *data);
  REQUIRE(found.has_value());
  CHECK(found->rows == std::vector<std::int64_t>{1, 2, 3, 6, 7});
  CHECK(found->mails == std::vector<std::int64_t>{1});
  CHECK(found->left == 0);
}

TEST_CASE("what is taken out of a state is taken out as it stands in JSON") {
  std::string text = R"({"a":"by \"Q\" and x@y.example, x@y.example"})";
  CHECK(redact(text, {"\"Q\"", "x@y.example"}));
  CHECK(text == R"j({"a":"by (erased) and (erased), (erased)"})j");
  CHECK_FALSE(redact(text, {"x@y.example"}));
}

TEST_CASE("rows are named by ranges, and read back") {
  CHECK(ranges_of({1, 3, 4, 5, 9}, 10) == std::vector<std::string>{"1,3-5,9"});
  CHECK(ranges_of({1, 3, 4, 5, 9}, 2) == std::vector<std::string>{"1,3-5", "9"});
  CHECK(ranges_of({}, 2).empty());
  auto ranges = read_ranges("1,3-5,x,7-,9");
  REQUIRE(ranges.size() == 3);
  CHECK(ranges[1].from == 3);
  CHECK(ranges[1].until == 5);
  CHECK(ranges[2].from == 9);
}
