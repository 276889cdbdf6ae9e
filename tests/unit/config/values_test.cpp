// What a configuration that is right says: the example, and the defaults.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "written.hpp"

using namespace yagura;

namespace {

Configuration loaded(const std::string& text) {
  WrittenFolder folder;
  Loaded result = load_configuration(folder.write("c.yaml", text), december());
  INFO(yagura::text(result.problems));
  REQUIRE(result.configuration);
  return std::move(*result.configuration);
}

std::string audiences(const ChainStep& step) {
  std::string words;
  for (const Audience& audience : step.to) {
    words += audience.kind == Audience::Kind::owner   ? "owner "
             : audience.kind == Audience::Kind::banks ? "banks "
                                                      : std::string(name_of(audience.role)) + " ";
  }
  return words;
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

Instant at(const char* text) {
  return *parse_instant(text);
}

}  // namespace

TEST_CASE("the example is accepted, with the warnings that it deserves") {
  WrittenFolder folder;
  folder.write("yagura.yaml", text_of(YAGURA_SOURCE "/tests/data/example.yaml"));
  CHECK(folder.problems("yagura.yaml") ==
        "yagura.yaml:34:63: warning: sato is the only one with the role `system-lead`: nobody is "
        "told when they are away\n"
        "yagura.yaml:35:63: warning: tanaka is the only one with the role `ap-ops`: nobody is told "
        "when they are away\n"
        "yagura.yaml:36:63: warning: suzuki is the only one with the role `infra-ops`: nobody is "
        "told when they are away\n"
        "yagura.yaml:37:63: warning: kudo is the only one with the role `inquiry-desk`: nobody is "
        "told when they are "
        "away\n"
        "yagura.yaml:73:3: warning: no service needs component settlement, directly or not: its "
        "failure can never be a "
        "major one\n");

  const Loaded example = load_configuration(folder.path() + "/yagura.yaml", december());
  REQUIRE(example.configuration);
  const Configuration& c = *example.configuration;
  const Platform& p = *c.platform;
  CHECK(c.state_folder == folder.path() + "/state");
  CHECK(c.control_socket == folder.path() + "/state/control.sock");
  CHECK(c.http_address == "127.0.0.1:9640");
  CHECK(c.files == std::vector<std::string>{folder.path() + "/yagura.yaml"});
  CHECK(c.keep_record == 24h * 400);
  CHECK(c.keep_samples == 24h * 90);

  CHECK(c.mail.from.name == "運用監視");
  CHECK(c.mail.from.address == "kanshi@example.jp");
  CHECK(c.mail.maildir == folder.path() + "/state/mail");
  CHECK(c.mail.relays.empty());
  CHECK(c.mail.writing.folder == "");
  CHECK(p.mail.from_domain == "example.jp");
  CHECK(p.mail.attempt_timeout == 10s);
  CHECK(p.mail.retry_first == 30s);
  CHECK(p.mail.retry_most == 30min);
  CHECK(p.mail.parallel == 2);

  CHECK(p.zone.name() == "Asia/Tokyo");
  CHECK_FALSE(p.calendar.is_business_day(date_of(2026, 12, 29)));
  CHECK_FALSE(p.calendar.is_business_day(date_of(2026, 11, 3)));
  CHECK(p.calendar.is_business_day(date_of(2026, 12, 28)));
  for (const char* name : {"bank_mail", "response_hours"}) {
    CHECK(p.window(name).is_open(at("2026-12-28T10:00:00+09:00"), p.context()));
    CHECK_FALSE(p.window(name).is_open(at("2026-12-28T17:00:00+09:00"), p.context()));
  }
  REQUIRE(p.maintenance.size() == 1);
  CHECK(p.maintenance[0].name == "weekly");
  CHECK(p.maintenance[0].all_services);
  CHECK(p.maintenance[0].window.is_open(at("2026-12-28T22:00:00+09:00"), p.context()));
  CHECK_FALSE(p.maintenance[0].window.is_open(at("2026-12-29T22:00:00+09:00"), p.context()));

  REQUIRE(p.people.size() == 4);
  CHECK(p.people.at("sato").name == "佐藤 彩");
  CHECK(p.people.at("sato").mail == "sato@example.jp");
  CHECK(p.people.at("sato").roles == std::set<Role>{Role::system_lead});
  CHECK(p.person_of_unix_user("kudo") == &p.people.at("kudo"));
  CHECK(p.banks.at("aozora").services == std::set<std::string>{"member-site", "admin-console"});
  CHECK(p.banks.at("midori").contacts.size() == 2);
  CHECK(p.banks.at("midori").contacts[1].mail == "mori@midori.example");
  CHECK(p.banks.at("midori").contacts[1].for_failures);
  CHECK(p.banks.at("midori").contacts[1].for_stops);

  const Service& site = p.services.at("member-site");
  REQUIRE(site.needs.size() == 2);
  CHECK(site.needs[0].kind == Need::Kind::at_least);
  CHECK(site.needs[0].at_least == 1);
  REQUIRE(site.needs[0].of.size() == 2);
  CHECK(site.needs[0].of[1].name == "web-2");
  CHECK(site.needs[1].kind == Need::Kind::component);
  CHECK(site.needs[1].name == "database");

  const Component& web = p.components.at("web-1");
  CHECK(web.owner == Role::ap_ops);
  CHECK(web.depends_on == std::vector<std::string>{"zone-a"});
  REQUIRE(web.probes.size() == 2);
  CHECK(web.probes[0].name == "http");
  CHECK(web.probes[0].family == Family::liveness);
  CHECK(web.probes[0].impact == Impact::down);
  CHECK(web.probes[0].interval == 1min);
  CHECK(web.probes[0].timeout == 10s);
  CHECK(web.probes[0].retry == 10s);
  CHECK(web.probes[0].confirm == 2);
  CHECK(web.probes[0].clear == 2);
  REQUIRE(web.primary_response.size() == 1);
  CHECK(web.primary_response[0].run ==
        std::vector<std::string>{"/usr/local/libexec/restart-web", "web-1"});
  CHECK(web.primary_response[0].limit == 2min);
  const Component& database = p.components.at("database");
  CHECK(database.probe("disk")->impact == Impact::degraded);
  REQUIRE(database.primary_response.size() == 2);
  CHECK(database.primary_response[1].manual);
  CHECK(database.primary_response[1].text == "手順書 3.2 に従い手動で切り替える");
  CHECK(database.primary_response[1].limit == 10min);
  const ProbeSpec& job = *p.components.at("settlement").probe("job");
  CHECK(job.is_job());
  CHECK(job.impact == Impact::degraded);
  CHECK(job.confirm == 1);
  CHECK(job.clear == 1);

  REQUIRE(c.probes.size() == 7);
  for (const auto& [id, setup] : c.probes) {
    CAPTURE(id.text());
    CHECK(setup.job.has_value() == (id.probe == "job"));
    CHECK(static_cast<bool>(setup.make) == (id.probe != "job"));
    if (setup.make) CHECK(setup.make() != nullptr);
  }
  CHECK(c.probes.at({"settlement", "job"}).job->max_duration == 2h);

  const Escalation& e = p.escalation;
  REQUIRE(e.detected.size() == 1);
  CHECK(audiences(e.detected[0]) == "owner ");
  REQUIRE(e.incident.size() == 1);
  CHECK(audiences(e.incident[0]) == "system-lead ");
  CHECK(e.incident[0].after == 30min);
  CHECK(e.incident[0].unless_acknowledged);
  CHECK(e.incident[0].window == "response_hours");
  REQUIRE(e.major.size() == 4);
  CHECK(audiences(e.major[2]) == "ap-ops infra-ops ");
  CHECK(e.major[2].after == 10min);
  CHECK(audiences(e.major[3]) == "banks ");
  CHECK(e.major[3].window == "bank_mail");
  CHECK_FALSE(e.major[3].unless_acknowledged);
  REQUIRE(e.security.size() == 2);
  CHECK(e.remind_every == 30min);
  CHECK(e.report_due == 1h);
  CHECK(e.undetermined_at_most == 15min);
  CHECK(e.correlate == 2min);
  CHECK(e.auto_close == 30min);
  REQUIRE(e.flapping);
  CHECK(e.flapping->turns == 10);
  CHECK(e.flapping->within == 1h);
  CHECK(e.blind_after == 15min);
  CHECK(p.bank_notices.first_per_hour == 5);
  CHECK(p.inquiries.first_reply_within == 2h);
  CHECK(p.inquiries.remind_before == 30min);
}

TEST_CASE("how often within what time is flapping can be said, or that nothing is") {
  const auto escalation = [](const std::string& words) { return loaded(with({"escalation: {" + words + "}"})).platform->escalation; };
  const auto own = escalation("flapping: {turns: 6, within: 30m}").flapping;
  REQUIRE(own);
  CHECK(own->turns == 6);
  CHECK(own->within == 30min);
  CHECK_FALSE(escalation("flapping: none").flapping);
}

TEST_CASE("the configuration that is installed is accepted as it stands") {
  WrittenFolder folder;
  const Loaded loaded = load_configuration(
      folder.write("yagura.yaml", text_of(YAGURA_SOURCE "/etc/yagura.yaml")), december());
  INFO(text(loaded.problems));
  REQUIRE(loaded.configuration);
  CHECK(loaded.configuration->state_folder == "/var/lib/yagura");
  CHECK(loaded.configuration->control_socket == "/run/yagura/control.sock");
  for (const Problem& problem : loaded.problems) {
    CHECK(problem.message.find(" is the only one with the role ") != std::string::npos);
  }
}

TEST_CASE("what is not written has the example's values") {
  const Configuration c = loaded(with({}));
  const Platform& p = *c.platform;
  CHECK(c.state_folder == "/var/lib/yagura");
  CHECK(c.control_socket == "/run/yagura/control.sock");
  CHECK(c.http_address == "");
  CHECK(c.keep_record == 24h * 400);
  CHECK(c.keep_samples == 24h * 90);
  CHECK(p.zone.name() == "Asia/Tokyo");
  CHECK_FALSE(p.calendar.is_business_day(date_of(2026, 12, 30)));
  CHECK(p.window("bank_mail").is_open(at("2026-12-28T16:59:59+09:00"), p.context()));
  CHECK_FALSE(p.window("response_hours").is_open(at("2026-12-29T12:00:00+09:00"), p.context()));
  CHECK(p.people.at("sato").name == "sato");
  const ProbeSpec& probe = p.components.at("web").probes[0];
  CHECK(probe.interval == 1min);
  CHECK(probe.timeout == 10s);
  CHECK(probe.retry == 10s);
  CHECK(probe.confirm == 2);
  CHECK(probe.clear == 2);
  const Escalation& e = p.escalation;
  CHECK(audiences(e.detected.at(0)) == "owner ");
  CHECK(audiences(e.incident.at(0)) == "system-lead ");
  REQUIRE(e.major.size() == 4);
  CHECK(audiences(e.major[0]) == "system-lead ");
  CHECK(audiences(e.major[1]) == "inquiry-desk ");
  CHECK(audiences(e.major[2]) == "ap-ops infra-ops ");
  CHECK(audiences(e.major[3]) == "banks ");
  CHECK(e.major[3].window == "bank_mail");
  CHECK(audiences(e.security.at(1)) == "system-lead ");
  CHECK(e.remind_every == 30min);
}

TEST_CASE("the usual chain mails no role that nobody has") {
  const Configuration c = loaded(with(
      {"people: {a: {mail: a@b.jp, roles: [system-lead]}, b: {mail: a@b.jp, roles: [system-lead]}}",
       "components: {web: {owner: system-lead}, database: {owner: system-lead}}"}));
  REQUIRE(c.platform->escalation.major.size() == 2);
  CHECK(audiences(c.platform->escalation.major[0]) == "system-lead ");
  CHECK(audiences(c.platform->escalation.major[1]) == "banks ");
}

TEST_CASE("a probe's own keys win over the defaults, the defaults over the usual values") {
  const Configuration c =
      loaded(with({"probe_defaults: {interval: 2m, timeout: 20s, confirm: 3, retry: 5s}",
                   "components:\n"
                   "  web:\n"
                   "    owner: ap-ops\n"
                   "    probes:\n"
                   "      - {kind: tcp, host: h, port: 1}\n"
                   "      - {kind: tcp, name: own, host: h, port: 1, interval: 30s, timeout: 2s, "
                   "confirm: 1, impact: degraded}\n"
                   "      - {kind: tcp, name: slow, host: h, port: 1, confirm: 4, clear: 1}\n"
                   "      - {kind: disk, path: /, impact: down}\n"
                   "  database: {owner: infra-ops}"}));
  const Component& web = c.platform->components.at("web");
  CHECK(web.probe("tcp")->interval == 2min);
  CHECK(web.probe("tcp")->timeout == 20s);
  CHECK(web.probe("tcp")->retry == 5s);
  CHECK(web.probe("tcp")->clear == 3);
  CHECK(web.probe("own")->interval == 30s);
  CHECK(web.probe("own")->timeout == 2s);
  CHECK(web.probe("own")->confirm == 1);
  CHECK(web.probe("own")->clear == 1);
  CHECK(web.probe("own")->impact == Impact::degraded);
  CHECK(web.probe("slow")->confirm == 4);
  CHECK(web.probe("slow")->clear == 1);
  CHECK(web.probe("disk")->family == Family::resource);
  CHECK(web.probe("disk")->impact == Impact::down);
}

TEST_CASE("a probe's definition says whether it asks the same after a reload") {
  const auto definition = [](const std::string& keys) {
    const Configuration c =
        loaded(with({"components:\n  web: {owner: ap-ops, probes: [{kind: tcp, " + keys +
                     "}]}\n  database: {owner: infra-ops}"}));
    return c.probes.at({"web", "tcp"}).definition;
  };
  const std::size_t first = definition("host: h, port: 1");
  CHECK(definition("port: 1, interval: 2m, host: \"h\", impact: degraded") == first);
  CHECK(definition("host: h, port: 2") != first);
  CHECK(definition("host: h, port: 1, send: x") != first);
}

TEST_CASE("relays") {
  const Configuration c = loaded(
      with({"mail:\n  from: 監視 <k@example.jp>\n  smtp:\n"
            "    - {url: \"smtp://relay-1.example.jp\", user: kanshi, password_file: "
            "relay.password, ca_file: /etc/ca.pem}\n"
            "    - {url: \"smtp://127.0.0.1:2525\", starttls: off, user: k, password_file: /p}\n"
            "    - {url: \"smtps://[2001:db8::1]/\"}\n"
            "  retry: {first: 1s, most: 10s}\n  parallel: 4\n"}));
  REQUIRE(c.mail.relays.size() == 3);
  CHECK(c.mail.relays[0].url == "smtp://relay-1.example.jp:25");
  CHECK(c.mail.relays[0].starttls == SmtpRelay::Starttls::required);
  CHECK(c.mail.relays[0].user == "kanshi");
  CHECK(c.mail.relays[0].password_file.ends_with("/relay.password"));
  CHECK(c.mail.relays[0].password_file.starts_with("/"));
  CHECK(c.mail.relays[0].ca_file == "/etc/ca.pem");
  CHECK(c.mail.relays[1].url == "smtp://127.0.0.1:2525");
  CHECK(c.mail.relays[1].starttls == SmtpRelay::Starttls::off);
  CHECK(c.mail.relays[2].url == "smtps://[2001:db8::1]:465");
  CHECK(c.mail.maildir == "");
  CHECK(c.platform->mail.attempt_timeout == 2min);
  CHECK(c.platform->mail.retry_first == 1s);
  CHECK(c.platform->mail.retry_most == 10s);
  CHECK(c.platform->mail.parallel == 4);
}

TEST_CASE("banks: all services, and contacts for one purpose") {
  const Configuration c = loaded(with(
      {"services:\n  site: {needs: [web, database]}\n  admin: {needs: [site]}",
       "banks:\n  aozora:\n    services: all\n    contacts:\n"
       "      - {mail: a@a.example, for: failures}\n      - {mail: b@a.example, for: [stops]}\n"}));
  const Bank& bank = c.platform->banks.at("aozora");
  CHECK(bank.services == std::set<std::string>{"admin", "site"});
  CHECK(bank.contacts[0].for_failures);
  CHECK_FALSE(bank.contacts[0].for_stops);
  CHECK_FALSE(bank.contacts[1].for_failures);
  CHECK(bank.contacts[1].for_stops);
  CHECK(c.platform->services.at("admin").needs[0].kind == Need::Kind::service);
}

TEST_CASE("calendar: none, corrections, and the published list") {
  const Configuration none = loaded(with({"calendar: {holidays: none, closed: []}"}));
  CHECK(none.platform->calendar.is_business_day(date_of(2026, 11, 3)));
  CHECK(none.platform->calendar.is_business_day(date_of(2026, 12, 30)));

  const Configuration corrected =
      loaded(with({"calendar: {closed: [05-01], extra_holidays: [2027-02-12], extra_business_days: "
                   "[2027-02-13]}"}));
  CHECK_FALSE(corrected.platform->calendar.is_business_day(date_of(2027, 2, 12)));
  CHECK(corrected.platform->calendar.is_business_day(date_of(2027, 2, 13)));
  CHECK(corrected.platform->calendar.is_business_day(date_of(2026, 12, 30)));
  CHECK_FALSE(corrected.platform->calendar.is_business_day(date_of(2026, 5, 1)));
}

TEST_CASE("the published list of holidays wins for its years") {
  WrittenFolder folder;
  std::string list = text_of(YAGURA_SOURCE "/tests/data/syukujitsu.csv");
  const std::size_t row = list.find("2026/11/3,");
  REQUIRE(row != std::string::npos);
  list.erase(row, list.find('\n', row) + 1 - row);
  folder.write("list.csv", list);
  const std::string path = folder.write("c.yaml", with({"calendar: {holidays_csv: list.csv}"}));
  const Loaded loaded = load_configuration(path, december());
  INFO(text(loaded.problems));
  REQUIRE(loaded.configuration);
  const Calendar& calendar = loaded.configuration->platform->calendar;
  CHECK(calendar.is_business_day(date_of(2026, 11, 3)));
  CHECK_FALSE(calendar.is_business_day(date_of(2026, 11, 23)));
  CHECK_FALSE(calendar.is_business_day(date_of(2040, 11, 23)));
}

TEST_CASE("own templates are checked with the configuration") {
  WrittenFolder folder;
  folder.write("words/bank.first.txt", "Subject: {{no-such-name}}\n\nx\n");
  folder.write("c.yaml", with({"mail: {from: k@example.jp, maildir: m, templates: words}"}));
  const std::string said = folder.problems("c.yaml");
  CHECK(said.starts_with("c.yaml:1:51: `templates`: "));
  CHECK(said.find("bank.first.txt") != std::string::npos);
  CHECK(said.find("no-such-name") != std::string::npos);

  folder.write("words/bank.first.txt", "Subject: 【障害】\n\n本文\n");
  const Loaded loaded = load_configuration(folder.path() + "/c.yaml", december());
  INFO(text(loaded.problems));
  REQUIRE(loaded.configuration);
  CHECK(loaded.configuration->mail.writing.folder == folder.path() + "/words");
}

TEST_CASE("mail has a language, a bank may have another, and both say where to ask") {
  const Writing plain = loaded(with({})).mail.writing;
  CHECK(plain.language == Language::ja);
  CHECK(plain.banks.empty());
  CHECK(plain.contact.empty());
  CHECK(plain.of_bank("aozora") == Language::ja);

  const std::string bank = "{contacts: [{mail: a@b.example}], services: all";
  const Writing own =
      loaded(with({"mail:\n  from: k@example.jp\n  maildir: m\n  language: en\n  contact: |\n"
                   "    Desk\n    03-0000-0000\n",
                   "banks:\n  midori: " + bank + ", language: ja}\n  other: " + bank + "}\n"}))
          .mail.writing;
  CHECK(own.language == Language::en);
  CHECK(own.of_bank("midori") == Language::ja);
  CHECK(own.of_bank("other") == Language::en);
  CHECK(own.contact.at(Language::ja) == "Desk\n03-0000-0000");
  CHECK(own.contact.at(Language::en) == "Desk\n03-0000-0000");

  const Writing one =
      loaded(with({"mail: {from: k@example.jp, maildir: m, contact: {en: Desk}}"})).mail.writing;
  CHECK(one.contact == std::map<Language, std::string>{{Language::en, "Desk"}});
  CHECK(one.signature.empty());
  const Writing signed_by = loaded(with({"mail: {from: k@example.jp, maildir: m, signature: {ja: 株式会社例}}"})).mail.writing;
  CHECK(signed_by.signature == std::map<Language, std::string>{{Language::ja, "株式会社例"}});
}

TEST_CASE("a window of several parts, and maintenance of some services") {
  const Configuration c = loaded(
      with({"windows:\n  late:\n    - {days: business, hours: [\"09:00-12:00\", \"13:00-17:00\"]}\n"
            "    - {days: [sat, sun], hours: \"10:00-11:00\"}\n",
            "maintenance:\n  - {name: 定期, every: [mon, thu], hours: \"22:00-24:00\", services: "
            "[site], except: [2026-12-28]}"}));
  const Platform& p = *c.platform;
  CHECK(p.windows.size() == 3);
  CHECK(p.window("late").is_open(at("2026-12-05T10:30:00+09:00"), p.context()));
  CHECK_FALSE(p.window("late").is_open(at("2026-12-04T12:30:00+09:00"), p.context()));
  CHECK(p.maintenance[0].services == std::set<std::string>{"site"});
  CHECK_FALSE(p.maintenance[0].all_services);
  CHECK(p.maintenance[0].window.is_open(at("2026-12-21T22:00:00+09:00"), p.context()));
  CHECK_FALSE(p.maintenance[0].window.is_open(at("2026-12-28T22:00:00+09:00"), p.context()));
}

TEST_CASE("reminders can be left out") {
  CHECK_FALSE(loaded(with({"escalation: {remind: none}"})).platform->escalation.remind_every);
}

TEST_CASE("a heartbeat goes out once a minute where nothing else is said, and not at all without an address") {
  CHECK_FALSE(loaded(with({})).heartbeat);
  const auto heartbeat = loaded(with({"heartbeat: {url: \"https://watch.example.jp/1\"}"})).heartbeat;
  REQUIRE(heartbeat);
  CHECK(heartbeat->url == "https://watch.example.jp/1");
  CHECK(heartbeat->every == 1min);
  CHECK(loaded(with({"heartbeat: {url: \"http://watch.example.jp/1\", every: 5m}"})).heartbeat->every == 5min);
}

TEST_CASE("a person's command is for what is urgent, where nothing else is said") {
  const std::string people = "people:\n  a: {mail: a@b.jp, roles: [system-lead, ap-ops, infra-ops], command: ";
  const Configuration c = loaded(with({people + "{run: [/bin/ring, a b]}}"}));
  CHECK(c.person_commands.at("a").run == std::vector<std::string>{"/bin/ring", "a b"});
  CHECK(c.person_commands.at("a").timeout == 1min);
  CHECK(c.platform->people.at("a").command_for ==
        std::set<std::string>{"failure.detected", "failure.escalated", "failure.reminder", "major.declared", "monitoring.blind"});
  const Configuration own = loaded(with({people + "{run: [/bin/ring], for: [major.declared], timeout: 5m}}"}));
  CHECK(own.platform->people.at("a").command_for == std::set<std::string>{"major.declared"});
  CHECK(own.person_commands.at("a").timeout == 5min);
}

TEST_CASE("failing says in one when, for how long, and when it is over") {
  WrittenFolder folder;
  const auto probe_of = [&](const std::string& probe) {
    Loaded loaded = load_configuration(
        folder.write("c.yaml", with({"components: {web: {owner: ap-ops, probes: [" + probe + "]}}", "services: {site: {needs: [web]}}"})),
        december());
    REQUIRE_MESSAGE(loaded.configuration, folder.problems(loaded));
    return loaded.configuration->platform->components.at("web").probes.at(0);
  };
  CHECK(probe_of("{kind: disk, path: /, failing: {when: '>= 90%', for: 10m, clear: '< 80%'}}").sustain == 10min);
  CHECK(probe_of("{kind: disk, path: /, failing: {when: '>= 90%'}}").sustain == Duration{0});
  CHECK(probe_of("{kind: http, url: 'http://a/', latency: {failing: {when: '>= 5s', for: 3m}}}").sustain == 3min);
  CHECK(probe_of("{kind: http, url: 'http://a/', expect: {json: [{path: a, failing: {when: '>= 5', for: 3m}}]}}").sustain == 3min);
  const auto said = [](const std::string& probe) {
    return said_at_mark({"components: {web: {owner: ap-ops, probes: [" + probe + "]}}", "services: {site: {needs: [web]}}"});
  };
  CHECK(said("{kind: disk, path: /, failing: {when: '>= 90%', for: «2d}}").find("for") != std::string::npos);
  CHECK(said("{kind: disk, path: /, failing: «{for: 10m}}").find("needs `when`") != std::string::npos);
  CHECK(said("{kind: disk, path: /, failing: {when: '>= 90%', clear: «'>= 95%'}}").find("wrong way round") != std::string::npos);
  CHECK(said("{kind: disk, path: /, failing: {when: '>= 90%', «untl: 5m}}").find("unknown key `untl` in `failing`") == 0);
  CHECK(said("{kind: disk, path: /, failing: {when: '>= 90%', for: 5m}, inodes: {failing: {when: '>= 90%', for: «6m}}}") ==
        "a probe has one `for`: write the same one for all its levels, or make two probes of it");
}

TEST_CASE("what a component needs outside lies outside: it says provider, and is depended on as anything else") {
  WrittenFolder folder;
  Loaded loaded = load_configuration(
      folder.write("c.yaml", with({"components:\n"
                                   "  region: {provider: true, owner: infra-ops, probes: [{kind: tcp, host: r, port: 443}]}\n"
                                   "  web: {owner: ap-ops, needs_outside: region, probes: [{kind: tcp, host: w, port: 80}]}",
                                   "services: {site: {needs: [web]}}"})),
      december());
  REQUIRE_MESSAGE(loaded.configuration, folder.problems(loaded));
  const auto& components = loaded.configuration->platform->components;
  CHECK(components.at("region").provider);
  CHECK_FALSE(components.at("web").provider);
  CHECK(components.at("web").depends_on == std::vector<ComponentName>{"region"});
  const auto said = [](const std::string& blocks) {
    return said_at_mark({"components:\n" + blocks, "services: {site: {needs: [web]}}"});
  };
  CHECK(said("  db: {owner: infra-ops}\n  web: {owner: ap-ops, needs_outside: «db}") ==
        "`db` is a part of the platform: write `depends_on`; or, if it lies outside, `provider: true` in component db");
  CHECK(said("  db: {owner: infra-ops, provider: true}\n  web: {owner: ap-ops, depends_on: db, needs_outside: «db}") ==
        "component `db` is named twice");
  CHECK(said("  web: {owner: ap-ops, needs_outside: «regoin}\n  region: {owner: infra-ops, depends_on: web}").find(
            "there is no component `regoin`") == 0);
}

TEST_CASE("a unit is of the liveness, asked on this machine, and whatever is wrong with it is said at its place") {
  const auto written = [](const std::string& keys) {
    return with({"services:\n  site: {name: サイト, needs: [web]}",
                 "components:\n  web:\n    owner: ap-ops\n    probes:\n      - {kind: unit, " + keys + "}"});
  };
  WrittenFolder folder;
  auto loaded = load_configuration(folder.write("c.yaml", written("unit: nginx, restarts: {failing: {when: 3, for: 5m}}")), december());
  REQUIRE(folder.problems(loaded) == "");
  const ProbeSpec& spec = loaded.configuration->platform->components.at("web").probes.at(0);
  CHECK(spec.family == Family::liveness);
  CHECK(spec.impact == Impact::down);
  CHECK(spec.sustain == 5min);
  CHECK(!spec.remote);
  CHECK(said_of(written("unit: backup.timer, ran_within: 26h")) == "");
  CHECK(said_of(written("unit: nginx.servce")).find("`unit` must be a unit's name with its type") != std::string::npos);
  CHECK(said_of(written("unit: nginx, restarts: 3")) != "");
}

TEST_CASE("a plugin asks over the network unless it says that it looks at this machine") {
  const auto remote_of = [](const std::string& keys) {
    WrittenFolder folder;
    auto loaded = load_configuration(
        folder.write("c.yaml", with({"services:\n  site: {name: サイト, needs: [web]}",
                                     "components:\n  web:\n    owner: ap-ops\n    probes:\n      - {kind: plugin, run: [/bin/true]" + keys + "}"})),
        december());
    REQUIRE(folder.problems(loaded) == "");
    return loaded.configuration->platform->components.at("web").probes.at(0).remote;
  };
  CHECK(remote_of(""));
  CHECK(remote_of(", remote: true"));
  CHECK(!remote_of(", remote: false"));
}
