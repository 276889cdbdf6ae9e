#include "sample.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "embedded.hpp"
#include "text.hpp"

namespace sample {

Instant at(const std::string& time) {
  std::string full = time.size() < 14 ? "2026-" + time : time;
  full[10] = 'T';
  return parse_instant(full + ":00+09:00").value();
}

namespace {

Component component(const std::string& id, Role owner, std::vector<std::string> depends_on,
                    std::vector<std::string> probes) {
  Component made;
  made.id = id;
  made.owner = owner;
  made.depends_on = std::move(depends_on);
  for (const std::string& name : probes) {
    ProbeSpec spec;
    spec.name = spec.kind = name;
    made.probes.push_back(spec);
  }
  return made;
}

Need need(const std::string& name) {
  Need made;
  made.name = name;
  return made;
}

}  // namespace

Platform platform() {
  Platform made;
  made.zone = Zone::named("Asia/Tokyo").value();
  Window::Part office{parse_days({"business"}).value(), {parse_hours("10:00-17:00").value()}};
  made.windows.emplace("bank_mail", Window({office}));
  made.windows.emplace("response_hours", Window({office}));
  const auto person = [&](const std::string& id, const std::string& name, Role role) {
    made.people[id] = {id, name, id + "@example.jp", {role}, id};
  };
  person("sato", "佐藤 彩", Role::system_lead);
  person("tanaka", "田中 亮", Role::ap_ops);
  person("suzuki", "鈴木 真", Role::infra_ops);
  person("kudo", "工藤 恵", Role::inquiry_desk);
  made.banks["aozora"] = {"aozora",
                          "青空銀行",
                          {{"山田 太郎", "yamada@aozora.example", true, true}},
                          {"member-site", "admin-console"}};
  made.banks["midori"] = {"midori",
                          "みどり信用金庫",
                          {{"林 花子", "hayashi@midori.example", true, true},
                           {"森 次郎", "mori@midori.example", true, true}},
                          {"member-site"}};
  made.services["member-site"] = {
      "member-site", "会員企業サイト", {need("web-1"), need("database")}};
  made.services["admin-console"] = {"admin-console", "管理画面", {need("web-1"), need("database")}};
  made.components["database"] = component("database", Role::infra_ops, {}, {"tcp", "disk"});
  made.components["web-1"] = component("web-1", Role::ap_ops, {}, {"http"});
  made.escalation.detected = {{{{Audience::Kind::owner, {}}}, Duration{0}, false, {}}};
  made.escalation.incident = {
      {{{Audience::Kind::role, Role::system_lead}}, 30min, true, "response_hours"}};
  made.escalation.major = {
      {{{Audience::Kind::role, Role::system_lead}}, Duration{0}, false, {}},
      {{{Audience::Kind::role, Role::inquiry_desk}}, Duration{0}, false, {}},
      {{{Audience::Kind::role, Role::ap_ops}, {Audience::Kind::role, Role::infra_ops}},
       10min,
       true,
       {}},
      {{{Audience::Kind::banks, {}}}, Duration{0}, false, "bank_mail"}};
  return made;
}

Failure detected() {
  Failure made;
  made.id = 12;
  made.title = "database: connection refused";
  made.class_detail = "member-site, admin-console";
  made.class_at = made.opened_at = made.failing_since = at("12-21 16:58");
  made.cause = "database";
  made.owner = Role::infra_ops;
  made.members = {{"database", at("12-21 16:58")}, {"web-1", at("12-21 16:59")}};
  made.keeps_down = {"member-site", "admin-console"};
  made.kept_down = {{"member-site", at("12-21 16:58")}, {"admin-console", at("12-21 16:59")}};
  made.steps = {{"database",
                 1,
                 false,
                 "/usr/local/libexec/switch-to-standby",
                 at("12-21 16:58"),
                 at("12-21 17:01"),
                 {},
                 StepResult::running,
                 "",
                 ""}};
  made.detected_chain = {at("12-21 16:58"), {0}};
  return made;
}

Failure major() {
  Failure made = detected();
  made.classification = FailureClass::major;
  made.class_rule = ClassRule::no_step_left;
  made.class_at = at("12-21 17:01");
  made.steps[0].ended = at("12-21 17:01");
  made.steps[0].result = StepResult::failed;
  made.steps[0].output = "standby does not answer";
  made.major_chain = {at("12-21 17:01"), {0, 1, 3}};
  made.bank_window = "bank_mail";
  made.banks["aozora"].affected = true;
  made.banks["midori"].affected = true;
  return made;
}

Failure acknowledged() {
  Failure made = major();
  made.acknowledged = Acknowledgement{"suzuki", at("12-21 17:10"), "着手します"};
  made.reports.push_back({at("12-21 17:30"), "suzuki", "待機系のディスク障害を確認", false});
  return made;
}

Failure relayed() {
  Failure made = acknowledged();
  made.reports.push_back({at("12-21 18:00"), "sato",
                          "データベースの切替を進めております。\n本日中の復旧を見込んでおります。",
                          true});
  return made;
}

Failure recovered() {
  Failure made = relayed();
  made.keeps_down.clear();
  made.recovered_at = at("12-22 03:00");
  return made;
}

Failure confirmed() {
  Failure made = recovered();
  made.closed_at = at("12-22 03:30");
  made.closing = Closing::confirmed;
  made.confirmed_by = "suzuki";
  made.confirmation = "ログ・ステータス異常なし";
  made.checked = {{"database", "tcp", Verdict::ok, "", at("12-22 03:29")},
                  {"web-1", "http", Verdict::warning, "slow: 2.1 s", at("12-22 03:29")}};
  return made;
}

Failure incident() {
  Failure made;
  made.id = 13;
  made.title = "web-1: status 503";
  made.classification = FailureClass::incident;
  made.class_rule = ClassRule::keeps_no_service_down;
  made.class_at = made.opened_at = made.failing_since = at("12-21 14:05");
  made.cause = "web-1";
  made.owner = Role::ap_ops;
  made.members = {{"web-1", at("12-21 14:05")}};
  made.touched = {"member-site"};
  made.incident_chain = {at("12-21 14:05"), {0}};
  return made;
}

State state_with(std::vector<Failure> failures) {
  State state;
  for (Failure& failure : failures) {
    FailureId id = failure.id;
    state.failures[id] = std::move(failure);
  }
  ProbeHealth tcp;
  tcp.failing = true;
  tcp.verdict = Verdict::failing;
  tcp.since = at("12-21 16:58");
  tcp.reason = "connection refused";
  tcp.last =
      Observation{Verdict::failing, "connection refused", {{"connect_ms", 12.5}}, {}, {}, {}};
  ProbeHealth disk;
  disk.verdict = Verdict::warning;
  disk.since = at("12-21 12:00");
  disk.reason = "used 87%, warning at 85%";
  disk.last = Observation{
      Verdict::warning, disk.reason, {{"used_percent", 87}, {"inodes_percent", 3}}, {}, {}, {}};
  state.components["database"].probes = {{"tcp", tcp}, {"disk", disk}};
  ProbeHealth http;
  http.failing = true;
  http.verdict = Verdict::failing;
  http.since = at("12-21 14:05");
  http.reason = "status 503 in place of 200";
  state.components["web-1"].probes = {{"http", http}};
  return state;
}

BankThread told(int mails, int reports, int relapses) {
  BankThread made;
  made.affected = true;
  made.told = mails > 0 ? Told::first : Told::nothing;
  made.mails = mails;
  made.reports_told = reports;
  if (relapses > 0) made.relapse_told = at("12-21 18:30");
  return made;
}

Notice notice(const Platform& platform, NoticeKind kind, const std::string& audience,
              NoticeOptions options) {
  Notice made;
  made.id = options.id;
  made.kind = kind;
  made.audience = audience;
  made.failure = options.failure;
  made.topic = options.topic;
  made.details = options.details;
  made.number = options.number;
  made.reports = options.reports;
  made.relapse = options.relapse;
  made.reason = "chain major, step 1";
  made.created_at = at("12-21 17:01");
  made.message_id = "<notice-" + std::to_string(made.id) + ".test@example.jp>";
  if (is_bank(kind)) {
    made.window = "bank_mail";
    for (const Contact& contact : platform.banks.at(made.bank()).contacts) {
      made.to.push_back({contact.name, contact.mail});
    }
  } else {
    for (const Person* person : platform.people_with(role_named(audience).value())) {
      made.to.push_back({person->name, person->mail});
    }
  }
  return made;
}

void mark_sent(State& state, Notice notice, const std::string& time) {
  notice.state = NoticeState::sent;
  notice.sent_at = at(time);
  state.notices[notice.id] = std::move(notice);
}

const Composer& composer(Language language) {
  static const std::map<Language, Composer> made = [] {
    std::map<Language, Composer> all;
    for (Language one : all_languages) {
      Writing writing;
      writing.language = one;
      auto loaded = Composer::load(writing);
      REQUIRE_MESSAGE(loaded.has_value(), (loaded ? "" : loaded.error().message));
      all.emplace(one, *loaded);
    }
    return all;
  }();
  return made.at(language);
}

const Words& words(Language language) {
  static const std::map<Language, Words> made = [] {
    std::map<Language, Words> all;
    for (const EmbeddedTemplate& one : embedded_templates()) {
      if (one.name != "words.txt") continue;
      auto read = Words::parse({"words.txt", std::string(one.text)}, nullptr, one.language);
      REQUIRE_MESSAGE(read.has_value(), (read ? "" : read.error().message));
      all.emplace(one.language, *read);
    }
    return all;
  }();
  return made.at(language);
}

const Mailbox& from() {
  static const Mailbox mailbox{"運用監視", "kanshi@example.jp"};
  return mailbox;
}

namespace {

// One that is missing here stays Japanese, and written_mails_test.cpp says so.
void translate(std::string& text) {
  static const std::vector<std::pair<std::string, std::string>> words{
      {"会員企業サイトにおいて、一部の情報が外部から閲覧できる状態でした。\n現在は閲覧できない状態です。対象となる情報を調査しております。",
       "On the member site some information could be read from outside.\nThat is no longer possible. We are investigating which."},
      {"RE: 会員企業サイトにログインできない", "RE: Cannot log in to the member site"},
      {"お世話になっております。\n今朝から会員企業サイトにログインできません。", "Hello,\nsince this morning we cannot log in to the member site."},
      {"パスワードの初期化をお試しください。\n手順は管理者マニュアルの 3.2 をご覧ください。",
       "Please try to reset the password.\nSection 3.2 of the manual for administrators says how."},
      {"共有フォルダーの手順書にあります。", "It stands in the manual on the shared folder."},
      {"復旧作業を進めております。", "We are working on the recovery."},
      {"窓口の山本さま", "Ms Yamamoto of the branch"},
      {"佐藤 彩", "Aya Sato"},
      {"田中 亮", "Ryo Tanaka"},
      {"鈴木 真", "Makoto Suzuki"},
      {"工藤 恵", "Megumi Kudo"},
      {"青空銀行", "Aozora Bank, Tokyo Branch"},
      {"山田 太郎", "Taro Yamada"},
      {"みどり信用金庫", "Midori Shinkin Bank"},
      {"林 花子", "Hanako Hayashi"},
      {"森 次郎", "Jiro Mori"},
      {"会員企業サイト", "Member site"},
      {"管理画面", "Admin console"},
      {"着手します", "on it"},
      {"待機系のディスク障害を確認", "found a failed disk of the standby"},
      {"データベースの切替を進めております。\n本日中の復旧を見込んでおります。",
       "We are switching to another database.\nWe expect recovery in the course of today."},
      {"ログ・ステータス異常なし", "logs and status are normal"},
      {"誤検知", "false alarm"},
      {"手順書 3.2 に従い手動で切り替える", "switch over by hand as manual 3.2 says"},
      {"管理者から電話。ログインできない", "an administrator telephoned: cannot log in"},
      {"システム統括の承認待ち", "waits for approval by the system lead"},
      {"データベースの更新のため", "Update of the database"},
      {"脆弱性への緊急対応のため", "Urgent measures against a vulnerability"},
      {"作業を見送るため", "The work is put off"},
  };
  for (const auto& [japanese, english] : words) {
    for (std::size_t at = text.find(japanese); at != std::string::npos;
         at = text.find(japanese, at + english.size()))
      text.replace(at, japanese.size(), english);
  }
}

}  // namespace

Platform in_english(Platform platform) {
  for (auto& [id, person] : platform.people)
    translate(person.name);
  for (auto& [id, bank] : platform.banks) {
    translate(bank.name);
    for (Contact& contact : bank.contacts)
      translate(contact.name);
  }
  for (auto& [id, service] : platform.services)
    translate(service.name);
  return platform;
}

Notice in_english(Notice notice) {
  for (Recipient& recipient : notice.to)
    translate(recipient.name);
  for (auto& [name, detail] : notice.details)
    translate(detail);
  translate(notice.reason);
  return notice;
}

State in_english(State state) {
  for (auto& [id, failure] : state.failures) {
    translate(failure.title);
    translate(failure.class_detail);
    translate(failure.report_text);
    translate(failure.confirmation);
    if (failure.acknowledged) translate(failure.acknowledged->text);
    for (StepRun& step : failure.steps)
      translate(step.what);
    for (ProgressReport& report : failure.reports)
      translate(report.text);
  }
  for (auto& [id, inquiry] : state.inquiries) {
    translate(inquiry.from);
    translate(inquiry.subject);
    for (InquiryMessage& message : inquiry.messages) {
      translate(message.who);
      translate(message.text);
    }
  }
  for (auto& [id, stop] : state.stops) {
    translate(stop.text);
    translate(stop.cancel_text);
  }
  for (auto& [id, notice] : state.notices)
    notice = in_english(notice);
  return state;
}

Composed compose(const Platform& platform, const State& state, const Notice& notice,
                 const std::string& now) {
  State with_notice = state;
  with_notice.notices[notice.id] = notice;
  auto message = composer().compose(platform, with_notice, notice, from(), at(now));
  REQUIRE_MESSAGE(message.has_value(), (message ? "" : message.error().message));
  auto english = composer(Language::en)
                     .compose(in_english(platform), in_english(with_notice), in_english(notice),
                              {"Operations Monitoring", from().address}, at(now));
  REQUIRE_MESSAGE(english.has_value(), (english ? "" : english.error().message));
  return {*message, *english};
}

std::string dump(const Message& message) {
  std::string text;
  for (const Mailbox& to : message.to)
    text += "To: " + to.name + " <" + to.address + ">\n";
  text += "Subject: " + message.subject + "\n";
  if (!message.in_reply_to.empty()) text += "In-Reply-To: " + message.in_reply_to + "\n";
  for (const std::string& id : message.references)
    text += "References: " + id + "\n";
  for (const auto& [name, value] : message.headers)
    text += name + ": " + value + "\n";
  return text + "\n" + message.body;
}

bool updates_golden() {
  return std::getenv("YAGURA_UPDATE_GOLDEN") != nullptr;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

namespace {

void check_one(const std::string& path, const std::string& text) {
  if (updates_golden()) {
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  INFO(path);
  CHECK(text == read_file(path));
}

}  // namespace

void check_golden(const std::string& name, const Composed& message) {
  const std::string folder = std::string(YAGURA_SOURCE) + "/tests/data/mail/";
  check_one(folder + name + ".txt", dump(message));
  check_one(folder + "en/" + name + ".txt", dump(message.english));
}

}  // namespace sample
