// What mails may and must say beyond their words: secrecy towards banks, threads, headers, own
// templates, odd input.
#include <fmt/format.h>

#include <boost/describe/enumerators.hpp>
#include <boost/mp11/algorithm.hpp>

#include <filesystem>
#include <fstream>

#include "bank_view.hpp"
#include "mail_thread.hpp"
#include "ops_view.hpp"
#include "stop_view.hpp"
#include "sample.hpp"
#include "text.hpp"

using namespace sample;

namespace {

// A folder that is gone afterwards.
class Folder {
 public:
  Folder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "yagura-compose-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

std::string error_of(const Folder& folder) {
  auto loaded = Composer::load(folder.path());
  return loaded ? "accepted" : loaded.error().message;
}

const std::vector<NoticeKind> bank_kinds{
    NoticeKind::bank_first, NoticeKind::bank_progress, NoticeKind::bank_recovered,
    NoticeKind::bank_occurred_and_recovered, NoticeKind::bank_corrected};

bool says(const Composer::Mail& mail, const std::string& text) {
  return mail.subject.find(text) != std::string::npos || mail.body.find(text) != std::string::npos;
}

std::string header(const Message& message, const std::string& name) {
  for (const auto& [key, value] : message.headers) {
    if (key == name) return value;
  }
  return {};
}

void check_nothing_internal(const Platform& where, const Composer::Mail& mail) {
  INFO(mail.subject << "\n" << mail.body);
  CHECK_FALSE(says(mail, "POISON"));
  for (const auto& [name, component] : where.components)
    CHECK_FALSE(says(mail, name));
  for (const auto& [id, person] : where.people) {
    CHECK_FALSE(says(mail, person.name));
    CHECK_FALSE(says(mail, person.mail));
  }
  for (const char* word :
       {"みどり", "林 花子", "midori", "member-site", "admin-console", "connection refused",
        "基盤運用", "AP運用", "システム統括", "System lead", "system lead", "pplication operations",
        "nfrastructure operations", "yagura "}) {
    CHECK_FALSE(says(mail, word));
  }
  CHECK(says(mail, "青空銀行"));
  CHECK(says(mail, "山田 太郎"));
}

}  // namespace

TEST_CASE("nothing internal reaches a bank, in no kind and no stage of a failure") {
  Platform where = platform();
  Failure stages[] = {detected(), major(), acknowledged(), relayed(), recovered(), confirmed()};
  for (Failure& failure : stages) {
    failure.title = "database POISON-title";
    for (StepRun& step : failure.steps)
      step.what = step.output = step.by = "POISON-step";
    if (failure.acknowledged) failure.acknowledged->text = "POISON-ack";
    for (ProgressReport& report : failure.reports) {
      if (!report.to_banks) report.text = "POISON-ops";
    }
    failure.confirmation = "POISON-confirm";
    failure.class_detail = "POISON-detail";
    failure.class_by = "POISON-person";
    failure.reported_by = "kudo";
    failure.report_text = "POISON-desk";
    failure.reported_services = {"member-site"};
    failure.relapses = {at("12-21 19:00")};
    failure.touched.insert("POISON-service");
    State state = state_with({failure});
    for (auto& [name, component] : state.components) {
      for (auto& [probe, health] : component.probes)
        health.reason = "POISON-reason";
    }
    for (Language language : all_languages) {
      for (NoticeKind kind : bank_kinds) {
        Notice one = notice(where, kind, "bank:aozora",
                            {.topic = "POISON-topic", .details = {{"POISON", "POISON"}}});
        one.hold = one.last_error = one.reason = "POISON";
        check_nothing_internal(where,
                               composer(language).text(where, state, one, at("2026-12-22 10:00")));
      }
    }
  }
}

TEST_CASE("nothing internal reaches a bank, in no mail on a planned stop") {
  Platform where = platform();
  Stop stop;
  stop.id = 3;
  stop.services = {"member-site"};
  stop.from = at("2027-01-24 01:00");
  stop.until = at("2027-01-24 05:00");
  stop.text = "work";
  stop.by = "POISON-person";
  stop.regular = "POISON-regular";
  Stop ended = stop;
  ended.began_at = ended.from;
  ended.ended_at = ended.until;
  for (const Stop& stage : {stop, ended}) {
    State state = state_with({});
    state.stops[3] = stage;
    for (Language language : all_languages) {
      for (NoticeKind kind : Composer::kinds()) {
        if (!is_stop(kind)) continue;
        Notice one =
            notice(where, kind, "bank:aozora",
                   {.failure = 0, .topic = "POISON-topic", .details = {{"POISON", "POISON"}}});
        one.stop = 3;
        one.hold = one.last_error = one.reason = "POISON";
        check_nothing_internal(where,
                               composer(language).text(where, state, one, at("2026-12-22 10:00")));
      }
    }
  }
}

TEST_CASE("a bank mail's subject ends with the failure's number, however long the services' names are") {
  Platform where = platform();
  std::string name;
  for (int count = 0; count < 60; ++count)
    name += "長い";
  where.services.at("member-site").name = name;
  for (Language language : all_languages) {
    for (NoticeKind kind : bank_kinds) {
      if (kind == NoticeKind::bank_security) continue;
      auto mail = composer(language).text(where, state_with({major()}),
                                          notice(where, kind, "bank:midori"), at("12-21 17:05"));
      INFO(mail.subject);
      CHECK(
          mail.subject.ends_with(language == Language::ja ? "[障害番号 12]" : "[Failure No. 12]"));
      CHECK(mail.subject.find("長い長い") != std::string::npos);
      CHECK(mail.subject.find("…") != std::string::npos);
      CHECK(display_width(mail.subject) <= 120);
      CHECK(display_width(mail.subject) >= 117);
    }
  }
}

TEST_CASE("a bank reads of its own services only") {
  Platform where = platform();
  State state = state_with({major()});
  auto midori = composer().text(where, state, notice(where, NoticeKind::bank_first, "bank:midori"),
                                at("12-21 17:05"));
  CHECK(says(midori, "会員企業サイト"));
  CHECK_FALSE(says(midori, "管理画面"));
  auto aozora = composer().text(where, state, notice(where, NoticeKind::bank_first, "bank:aozora"),
                                at("12-21 17:05"));
  CHECK(says(aozora, "会員企業サイト、管理画面"));
}

TEST_CASE("a bank that the lead added reads of services that were perhaps affected") {
  Platform where = platform();
  Failure only_console = major();
  only_console.kept_down.erase("member-site");
  only_console.keeps_down.erase("member-site");
  only_console.touched = {"member-site"};
  only_console.banks["midori"].affected = false;
  only_console.banks["midori"].added = true;
  auto mail =
      composer().text(where, state_with({only_console}),
                      notice(where, NoticeKind::bank_first, "bank:midori"), at("12-21 17:05"));
  CHECK(says(mail, "・会員企業サイト"));
  CHECK(says(mail, "可能性がございます"));
  CHECK_FALSE(says(mail, "管理画面"));
  CHECK_FALSE(says(mail, "ご利用いただけない"));
}

TEST_CASE("a bank that the lead added though it contracted none of the services reads of all of them") {
  Platform where = platform();
  where.banks.at("midori").services = {"no-such-service"};
  Failure failure = major();
  failure.banks["midori"].affected = false;
  failure.banks["midori"].added = true;
  auto mail = composer().text(where, state_with({failure}), notice(where, NoticeKind::bank_first, "bank:midori"),
                              at("12-21 17:05"));
  CHECK(says(mail, "会員企業サイト、管理画面"));
  CHECK(says(mail, "ご利用いただけない"));
}

TEST_CASE("only reports that the lead relayed are told, and only those not told yet") {
  Platform where = platform();
  Failure failure = relayed();
  failure.reports.push_back({at("12-21 19:00"), "suzuki", "ops only POISON", false});
  failure.reports.push_back({at("12-21 19:10"), "sato", "二度目のご連絡です。", true});
  failure.reports.push_back({at("12-21 19:20"), "sato", "三度目のご連絡です。", true});
  failure.banks["aozora"] = told(2, 1);
  State state = state_with({failure});
  auto progress = composer().text(
      where, state,
      notice(where, NoticeKind::bank_progress, "bank:aozora", {.number = 3, .reports = 2}),
      at("12-21 19:30"));
  CHECK_FALSE(says(progress, "切替を進めております"));
  CHECK(says(progress, "二度目のご連絡です。"));
  CHECK_FALSE(says(progress, "三度目"));
  CHECK_FALSE(says(progress, "ops only"));
  // A bank added late hears all so far.
  auto first = composer().text(
      where, state,
      notice(where, NoticeKind::bank_first, "bank:midori", {.number = 1, .reports = 3}),
      at("12-21 19:30"));
  for (const char* words : {"切替を進めております", "二度目", "三度目"})
    CHECK(says(first, words));
}

TEST_CASE("a bank is told how things stand for it") {
  Platform where = platform();
  Failure failure = major();
  failure.keeps_down = {"admin-console"};
  auto midori =
      composer().text(where, state_with({failure}),
                      notice(where, NoticeKind::bank_first, "bank:midori"), at("12-21 17:20"));
  CHECK(says(midori, "現在ご利用いただける状態ですが"));
  auto aozora =
      composer().text(where, state_with({failure}),
                      notice(where, NoticeKind::bank_first, "bank:aozora"), at("12-21 17:20"));
  CHECK(says(aozora, "ご利用いただけない状態が続いております"));
}

TEST_CASE("views keep to their vocabularies, whatever the stage, the kind and the audience") {
  Platform where = platform();
  std::vector<Failure> stages{detected(),  major(),     acknowledged(), relayed(),
                              recovered(), confirmed(), incident()};
  stages.push_back(Failure{});
  stages.back().id = 20;
  Failure by_desk = relayed();
  by_desk.from_desk = true;
  by_desk.reported_by = "kudo";
  by_desk.reported_services = {"member-site"};
  by_desk.proposed = {"midori", "gone"};
  by_desk.relapses = {at("12-21 19:00")};
  stages.push_back(by_desk);
  for (const Failure& failure : stages) {
    State state = state_with({failure});
    for (Language language : all_languages) {
      for (NoticeKind kind : Composer::kinds()) {
        for (const char* topic :
             {"", "unacknowledged,report_overdue", "unconfirmed", "brake", "clock_jump",
              "recipients", "possibly_affected", "relapsed", "undecided", "failure_empty",
              "calendar", "bank_waits", "stop_late", "approval", "edit_dropped", "owner",
              "late", "on_time", "cut_off", "connected"}) {
          for (const char* audience : {"system-lead", "inquiry-desk", "ap-ops", "bank:aozora"}) {
            if (is_bank(kind) != std::string(audience).starts_with("bank:")) continue;
            Notice one = notice(where, kind, audience, {.failure = failure.id, .topic = topic});
            View view = view_of(where, state, one, words(language), at("2026-12-22 10:00"));
            CHECK(view.differs_from(vocabulary_of(kind)) == std::nullopt);
            auto message =
                composer(language).compose(where, state, one, from(), at("2026-12-22 10:00"));
            REQUIRE_MESSAGE(message.has_value(), (message ? "" : message.error().message));
            CHECK(message->body.find("{{") == std::string::npos);
            CHECK_FALSE(message->subject.empty());
          }
        }
      }
    }
  }
}

TEST_CASE("a question whose details are missing says so instead of leaving a hole") {
  Platform where = platform();
  auto mail = composer().text(
      where, state_with({}),
      notice(where, NoticeKind::lead_attention, "system-lead", {.failure = 0, .topic = "brake"}),
      at("12-21 17:01"));
  CHECK(says(mail, "不明への重大障害の第1報が1時間に不明件"));
}

TEST_CASE("a notice of a failure that is not there is written all the same") {
  Platform where = platform();
  for (Language language : all_languages) {
    for (NoticeKind kind : Composer::kinds()) {
      Notice one = notice(where, kind, is_bank(kind) ? "bank:aozora" : "ap-ops", {.failure = 99});
      auto message = composer(language).compose(where, State{}, one, from(), at("12-21 17:01"));
      REQUIRE_MESSAGE(message.has_value(), (message ? "" : message.error().message));
      CHECK(message->body.size() > 20);
    }
  }
}

TEST_CASE("a bank that has left the configuration is not named wrongly") {
  Platform where = platform();
  Notice one = notice(where, NoticeKind::bank_first, "bank:aozora");
  where.banks.erase("aozora");
  auto mail = composer().text(where, state_with({major()}), one, at("12-21 17:05"));
  CHECK(says(mail, "ご契約金融機関 御中\n\n"));
}

TEST_CASE("the headers say what the mail is") {
  Platform where = platform();
  Message message = compose(where, state_with({major()}),
                            notice(where, NoticeKind::bank_first, "bank:midori"), "12-21 17:05");
  CHECK(header(message, "Auto-Submitted") == "auto-generated");
  CHECK(header(message, "X-Yagura-Notice") == "bank.first");
  CHECK(header(message, "X-Yagura-Failure") == "12");
  CHECK(header(message, "X-Yagura-Audience") == "bank:midori");
  CHECK(header(message, "X-Yagura-Stop").empty());
  CHECK(message.message_id == "<notice-7.test@example.jp>");
  CHECK(message.date == at("12-21 17:05"));
  CHECK(message.from.address == "kanshi@example.jp");
  REQUIRE(message.to.size() == 2);
  CHECK(message.to[1].address == "mori@midori.example");
  CHECK(message.in_reply_to.empty());
  Notice odd = notice(where, NoticeKind::monitoring_blind, "ap-ops", {.failure = 0});
  odd.audience = "青";
  odd.stop = 3;
  Message other = compose(where, State{}, odd, "12-21 17:05");
  CHECK(header(other, "X-Yagura-Audience") == "%E9%9D%92");
  CHECK(header(other, "X-Yagura-Stop") == "3");
  CHECK(header(other, "X-Yagura-Failure").empty());
}

TEST_CASE("what the lead wrote goes in place of the template's words, and under the same headers") {
  Platform where = platform();
  Notice one = notice(where, NoticeKind::bank_first, "bank:midori");
  one.edited = EditedText{"お知らせ", "詳しくは担当者より電話いたします。\n", "sato", at("12-21 17:02"), 0, 1};
  Message message = compose(where, state_with({major()}), one, "12-21 17:05");
  CHECK(message.subject == "お知らせ");
  CHECK(message.body == "詳しくは担当者より電話いたします。\n");
  CHECK(header(message, "X-Yagura-Notice") == "bank.first");
  CHECK(message.to.size() == 2);
}

TEST_CASE("the same state and time give the same mail") {
  Platform where = platform();
  Notice one = notice(where, NoticeKind::major_declared, "system-lead");
  State state = state_with({relayed()});
  CHECK(dump(compose(where, state, one, "12-21 17:05")) ==
        dump(compose(where, state, one, "12-21 17:05")));
}

TEST_CASE("what cannot be written is an error") {
  Platform where = platform();
  Notice nobody = notice(where, NoticeKind::bank_first, "bank:aozora");
  nobody.to.clear();
  CHECK(composer()
            .compose(where, state_with({major()}), nobody, from(), at("12-21 17:05"))
            .error()
            .message == "notice 7 has nobody to go to");
}

TEST_CASE("mails of one failure and audience are one thread") {
  Platform where = platform();
  State state = state_with({confirmed(), incident()});
  mark_sent(state, notice(where, NoticeKind::bank_progress, "bank:aozora", {.id = 4}),
            "2026-12-21 18:00");
  mark_sent(state, notice(where, NoticeKind::bank_first, "bank:aozora", {.id = 5}),
            "2026-12-21 17:00");
  mark_sent(state, notice(where, NoticeKind::bank_first, "bank:midori", {.id = 6}),
            "2026-12-21 17:00");
  mark_sent(state, notice(where, NoticeKind::bank_first, "bank:aozora", {.id = 9, .failure = 13}),
            "2026-12-21 17:00");
  Notice held = notice(where, NoticeKind::bank_progress, "bank:aozora", {.id = 10});
  held.state = NoticeState::withdrawn;
  state.notices[10] = held;
  Message message =
      compose(where, state, notice(where, NoticeKind::bank_recovered, "bank:aozora", {.id = 11}),
              "2026-12-22 10:00");
  CHECK(message.references ==
        std::vector<std::string>{"<notice-5.test@example.jp>", "<notice-4.test@example.jp>"});
  CHECK(message.in_reply_to == "<notice-4.test@example.jp>");
}

TEST_CASE("what a joined failure told belongs to the thread, a failure of nobody's has none") {
  Platform where = platform();
  Failure joined = incident();
  joined.joined_into = 12;
  joined.closing = Closing::joined;
  Failure deeper = incident();
  deeper.id = 14;
  deeper.joined_into = 13;
  State state = state_with({confirmed(), joined, deeper});
  mark_sent(state, notice(where, NoticeKind::failure_detected, "ap-ops", {.id = 1, .failure = 13}),
            "2026-12-21 17:00");
  mark_sent(state, notice(where, NoticeKind::failure_detected, "ap-ops", {.id = 2, .failure = 14}),
            "2026-12-21 17:01");
  CHECK(references_of(state, notice(where, NoticeKind::failure_recovered, "ap-ops")) ==
        std::vector<std::string>{"<notice-1.test@example.jp>", "<notice-2.test@example.jp>"});
  mark_sent(state,
            notice(where, NoticeKind::lead_attention, "system-lead", {.id = 3, .failure = 0}),
            "2026-12-21 17:00");
  CHECK(
      references_of(state, notice(where, NoticeKind::lead_attention, "system-lead", {.failure = 0}))
          .empty());
}

TEST_CASE("a merged notice stands for the mail that carried it") {
  Platform where = platform();
  State state = state_with({major(), incident()});
  Notice merged =
      notice(where, NoticeKind::failure_escalated, "system-lead", {.id = 2, .failure = 13});
  merged.state = NoticeState::merged;
  merged.into = 3;
  state.notices[2] = merged;
  mark_sent(state,
            notice(where, NoticeKind::major_declared, "system-lead", {.id = 3, .failure = 12}),
            "2026-12-21 17:01");
  CHECK(references_of(
            state, notice(where, NoticeKind::failure_recovered, "system-lead", {.failure = 13})) ==
        std::vector<std::string>{"<notice-3.test@example.jp>"});
}

TEST_CASE("a long thread keeps its first and its last nineteen") {
  Platform where = platform();
  State state = state_with({major()});
  for (NoticeId id = 1; id <= 40; ++id) {
    mark_sent(state, notice(where, NoticeKind::failure_reminder, "ap-ops", {.id = id}),
              "2026-12-21 17:00");
  }
  auto references =
      references_of(state, notice(where, NoticeKind::failure_reminder, "ap-ops", {.id = 50}));
  REQUIRE(references.size() == 20);
  CHECK(references.front() == "<notice-1.test@example.jp>");
  CHECK(references[1] == "<notice-22.test@example.jp>");
  CHECK(references.back() == "<notice-40.test@example.jp>");
}

TEST_CASE("a bundle names all that it carries, the gravest in the subject") {
  Platform where = platform();
  State state = state_with({major(), incident()});
  Notice carrier = notice(where, NoticeKind::major_declared, "system-lead", {.id = 100});
  for (NoticeId id = 1; id <= 30; ++id) {
    Notice one =
        notice(where, NoticeKind::failure_escalated, "system-lead", {.id = id, .failure = 13});
    one.state = NoticeState::merged;
    state.notices[id] = one;
    carrier.carries.push_back(id);
  }
  carrier.carries.push_back(12345);  // Not there any more.
  auto mail = composer().text(where, state, carrier, at("12-21 17:01"));
  CHECK(mail.subject.starts_with("【重大障害】#12 "));
  CHECK(mail.subject.ends_with("ほか30件"));
  CHECK(says(mail, "(31) 【インシデント】#13"));
  CHECK(says(mail, "(15/31)"));
  CHECK_FALSE(says(mail, "(16/31)"));
  CHECK(mail.body.find("各位") == mail.body.rfind("各位"));
}

TEST_CASE("odd input is made safe and stays readable") {
  Platform where = platform();
  where.banks["aozora"].name = "青空\r\nBcc: x@y";
  where.services["member-site"].name = std::string(400, 'x');
  Failure failure = relayed();
  failure.title = "bad\r\nSubject: x \x1b[31m" + std::string(2000, 'y');
  failure.reports.back().text =
      std::string("一行目\r\n二行目\x1b[0m\n\n\n\n") + std::string(300, 'z');
  State state = state_with({failure});
  for (Language language : all_languages) {
    for (NoticeKind kind : Composer::kinds()) {
      Notice one = notice(where, kind, is_bank(kind) ? "bank:aozora" : "system-lead");
      auto mail = composer(language).text(where, state, one, at("12-21 18:30"));
      CHECK(mail.subject.find_first_of("\r\n\x1b") == std::string::npos);
      CHECK(mail.body.find_first_of("\r\x1b") == std::string::npos);
      CHECK(mail.body.find("\n\n\n") == std::string::npos);
      auto message = composer(language).compose(where, state, one, from(), at("12-21 18:30"));
      REQUIRE(message.has_value());
      auto bytes = encode(*message, where.zone);
      CHECK_MESSAGE(bytes.has_value(), (bytes ? "" : bytes.error().message));
      CHECK(display_width(mail.subject) <= 120);
      for (std::string_view rest = mail.body; !rest.empty();) {
        std::string_view line = rest.substr(0, rest.find('\n'));
        if (line.find("yagura ") == std::string_view::npos) CHECK(display_width(line) <= 76);
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
      }
    }
  }
}

TEST_CASE("a failure with very much to say gives a mail of bounded length") {
  Platform where = platform();
  Failure failure = relayed();
  for (int i = 0; i < 500; ++i) {
    std::string name = "component-" + std::to_string(i);
    failure.members[name] = at("12-21 17:00");
    failure.steps.push_back(failure.steps.front());
    failure.reports.push_back({at("12-21 19:00"), "sato", "経過その" + std::to_string(i), true});
    where.banks["bank-" + std::to_string(i)] = {
        "bank-" + std::to_string(i), "銀行", {}, {"member-site"}};
  }
  State state = state_with({failure});
  auto lead = composer().text(
      where, state, notice(where, NoticeKind::major_declared, "system-lead"), at("12-21 20:00"));
  CHECK(lead.body.size() < 20'000);
  CHECK(says(lead, "ほか492件"));
  auto bank = composer().text(where, state, notice(where, NoticeKind::bank_first, "bank:aozora"),
                              at("12-21 20:00"));
  CHECK(says(bank, "これより前の経過は省略しております"));
  CHECK(says(bank, "経過その499"));
}

TEST_CASE("own templates replace single ones") {
  Folder folder;
  folder.write("bank.first.txt", "Subject: {{BANK}} {{NUMBER}}\n\n{{>bank-inquiry}}\n{{>mine}}\n");
  folder.write("_bank-inquiry.txt", "電話 03-0000-0000\n");
  folder.write("_mine.txt", "{{#SERVICE}}<{{SERVICE_NAME}}>{{/SERVICE}}\n");
  folder.write("words.txt", "role.ap-ops = アプリ担当\n");
  folder.write("notes.md", "not a template");
  auto own = Composer::load(folder.path());
  REQUIRE_MESSAGE(own.has_value(), (own ? "" : own.error().message));
  Platform where = platform();
  auto mail = own->text(where, state_with({major()}),
                        notice(where, NoticeKind::bank_first, "bank:midori"), at("12-21 17:05"));
  CHECK(mail.subject == "みどり信用金庫 1");
  CHECK(mail.body == "電話 03-0000-0000\n<会員企業サイト>\n");
  auto other = own->text(where, state_with({confirmed()}),
                         notice(where, NoticeKind::bank_occurred_and_recovered, "bank:midori"),
                         at("12-21 17:05"));
  CHECK(says(other, "電話 03-0000-0000"));
  auto ops = own->text(where, state_with({major()}),
                       notice(where, NoticeKind::major_declared, "ap-ops"), at("12-21 17:05"));
  CHECK(ops.body.starts_with("アプリ担当 各位\n"));
}

TEST_CASE("each bank reads its own language, everybody else the one for all") {
  Writing writing;
  writing.banks["aozora"] = Language::en;
  writing.contact[Language::en] = "Desk\n+81 3 0000 0000";
  auto made = Composer::load(writing);
  REQUIRE(made.has_value());
  Platform where = platform();
  State state = state_with({major()});
  const auto written = [&](NoticeKind kind, const std::string& audience) {
    Notice one = notice(where, kind, audience);
    return made->text(where, state, one, at("12-21 17:05"));
  };
  auto aozora = written(NoticeKind::bank_first, "bank:aozora");
  CHECK(aozora.subject.starts_with("[Major failure] [1st report] "));
  CHECK(says(aozora, "CONTACT\n  Desk\n  +81 3 0000 0000\n  Please quote failure number 12."));
  auto midori = written(NoticeKind::bank_first, "bank:midori");
  CHECK(midori.subject.starts_with("【重大障害】【第1報】"));
  CHECK(says(midori, "問合せ窓口までご連絡ください"));
  CHECK(written(NoticeKind::major_declared, "system-lead").subject.starts_with("【重大障害】"));

  Writing english;
  english.language = Language::en;
  english.banks["midori"] = Language::ja;
  made = Composer::load(english);
  REQUIRE(made.has_value());
  CHECK(written(NoticeKind::bank_first, "bank:aozora").subject.starts_with("[Major failure]"));
  CHECK(written(NoticeKind::bank_first, "bank:midori").subject.starts_with("【重大障害】"));
  CHECK(written(NoticeKind::major_declared, "system-lead").subject.starts_with("[Major failure]"));
}

TEST_CASE("where banks ask is the configuration's to say, in mails on failures and on stops") {
  Writing writing;
  writing.contact[Language::ja] = "運用センター\n電話 03-0000-0000(24時間)";
  auto made = Composer::load(writing);
  REQUIRE(made.has_value());
  Platform where = platform();
  for (NoticeKind kind : Composer::kinds()) {
    if (!is_bank(kind)) continue;
    auto mail = made->text(where, state_with({major()}), notice(where, kind, "bank:aozora"),
                           at("12-21 17:05"));
    CHECK(says(mail, "【お問い合わせ先】\n　運用センター\n　電話 03-0000-0000(24時間)\n"));
    CHECK_FALSE(says(mail, "問合せ窓口まで"));
  }
}

TEST_CASE("what goes outside bears the company's signature, and nothing else does") {
  Writing writing;
  writing.signature[Language::ja] = "株式会社やぐら\nシステム運用部";
  writing.signature[Language::en] = "Yagura Inc.";
  writing.banks["midori"] = Language::en;
  auto made = Composer::load(writing);
  REQUIRE(made.has_value());
  Platform where = platform();
  for (NoticeKind kind : Composer::kinds()) {
    if (!is_bank(kind)) continue;
    INFO(name_of(kind));
    auto ours = made->text(where, state_with({major()}), notice(where, kind, "bank:aozora"), at("12-21 17:05"));
    CHECK(ours.body.ends_with("――――――――――――――――――――\n株式会社やぐら\nシステム運用部\n"));
    auto english = made->text(where, state_with({major()}), notice(where, kind, "bank:midori"), at("12-21 17:05"));
    CHECK(says(english, "Yours faithfully,\nYagura Inc.\n"));
    CHECK_FALSE(says(english, "System Operations"));
  }
  auto inside = made->text(where, state_with({major()}), notice(where, NoticeKind::major_declared, "system-lead"), at("12-21 17:05"));
  CHECK_FALSE(says(inside, "株式会社やぐら"));
}

TEST_CASE("own templates of each language lie in its subfolder, or in the folder itself") {
  Folder folder;
  folder.write("bank.first.txt", "Subject: own\n\n自前\n");
  folder.write("en/bank.first.txt", "Subject: own\n\nours\n");
  folder.write("en/words.txt", "role.ap-ops = Apps\n");
  Writing writing;
  writing.folder = folder.path();
  writing.banks["aozora"] = Language::en;
  auto made = Composer::load(writing);
  REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
  Platform where = platform();
  const auto body = [&](const std::string& audience) {
    return made
        ->text(where, state_with({major()}), notice(where, NoticeKind::bank_first, audience),
               at("12-21 17:05"))
        .body;
  };
  CHECK(body("bank:aozora") == "ours\n");
  CHECK(body("bank:midori") == "自前\n");

  // The same files, where English is the language for all.
  writing.language = Language::en;
  auto twice = Composer::load(writing);
  REQUIRE_FALSE(twice.has_value());
  CHECK(twice.error().message ==
        fmt::format("{0}/en/bank.first.txt: {0}/bank.first.txt is the same template in the same "
                    "language: keep one",
                    folder.path()));
}

TEST_CASE("own templates of a language that nobody reads are checked all the same") {
  Folder folder;
  folder.write("en/bank.first.txt", "Subject: s\n\n{{HOST}}\n");
  folder.write("ja/bank.first.txt", "Subject: s\n\n{{TITEL}}\n");
  std::string message = error_of(folder);
  CHECK(message.find("/en/bank.first.txt:3: {{HOST}} is not known here") != std::string::npos);
  CHECK(message.find("/ja/bank.first.txt:3: {{TITEL}} is not known here") != std::string::npos);
  Folder odd;
  odd.write("english/bank.first.txt", "Subject: s\n\nb\n");
  odd.write(".git/notes.txt", "x\n");
  odd.write("notes/readme.md", "x\n");
  CHECK(error_of(odd) ==
        odd.path() + "/english: is not the folder of a language: name it ja or en");
}

TEST_CASE("an own template that asks for something internal is refused when it is read") {
  for (const char* name :
       {"TITLE", "CLASS_REASON", "COMPONENT", "OWNER", "PROBE_REASON", "CONFIRMED_TEXT"}) {
    Folder folder;
    folder.write("bank.first.txt", fmt::format("Subject: s\n\nbody\n{{{{{}}}}}\n", name));
    CHECK(error_of(folder).starts_with(
        fmt::format("{}/bank.first.txt:4: {{{{{}}}}} is not known here", folder.path(), name)));
  }
  Folder folder;
  folder.write("bank.first.txt", "Subject: s\n\n{{#FAILURE}}x{{/FAILURE}}\n");
  CHECK(error_of(folder).find("bank.first.txt:3: {{#FAILURE}}") != std::string::npos);
}

TEST_CASE("mistakes in the own folder are all told, each with its file") {
  Folder folder;
  folder.write("bank.fisrt.txt", "Subject: s\n\nb\n");
  CHECK(error_of(folder) ==
        folder.path() +
            "/bank.fisrt.txt: there is no template of this name: did you mean bank.first.txt?");
  Folder two;
  two.write("bank.first.txt", "no subject\n");
  two.write("failure.detected.txt", "Subject: s\n\n{{#FAILURE}}{{IDD}}{{/FAILURE}}\n");
  two.write("_unused.txt", "x\n");
  std::string message = error_of(two);
  CHECK(message.find("bank.first.txt:1: the first line") != std::string::npos);
  CHECK(message.find("failure.detected.txt:3: {{IDD}} is not known here: did you mean ID?") !=
        std::string::npos);
  CHECK(message.find("_unused.txt: no template includes this part") != std::string::npos);
  Folder part;
  part.write("_bank-head.txt", "{{BANKK}}\n");
  CHECK(error_of(part) ==
        part.path() + "/_bank-head.txt:1: {{BANKK}} is not known here: did you mean BANK?");
  CHECK_FALSE(Composer::load("/nonexistent/templates").has_value());
}

TEST_CASE("every kind has a template") {
  std::size_t kinds = 0;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<NoticeKind>>(
      [&](auto) { ++kinds; });
  CHECK(Composer::kinds().size() == kinds);
}
