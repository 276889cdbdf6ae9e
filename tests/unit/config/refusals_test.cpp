// Each refusal and warning, with its place. « stands before the place.
#include <doctest/doctest.h>

#include "written.hpp"

using namespace yagura;

namespace {

struct Case {
  std::vector<std::string> sections;
  std::string message;
};

void check_each(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    CAPTURE(one.sections.front());
    CHECK(said_at_mark(one.sections) == one.message);
  }
}

std::string probe(const std::string& text) {
  return "components:\n  web: {owner: ap-ops, probes: [" + text +
         "]}\n  database: {owner: infra-ops, probes: [{kind: tcp, host: h, port: 1}]}";
}
std::string step(const std::string& text) {
  return "components:\n  web: {owner: ap-ops, primary_response: [" + text +
         "]}\n  database: {owner: infra-ops}";
}

// From the table, so that a new kind changes nothing here: "http, tcp, …".
std::string all_kinds() {
  std::string names;
  for (const ProbeKind& kind : probe_kinds())
    names += (names.empty() ? "" : ", ") + std::string(kind.name);
  return names;
}

}  // namespace

TEST_CASE("the configuration that the cases change has no problem of its own") {
  CHECK(said_of(with({})) == "");
}

TEST_CASE("unknown keys are refused with the nearest known one") {
  check_each({
      {{"«servces: {}"}, "unknown key `servces` in the configuration; did you mean `services`?"},
      {{"mail: {from: k@example.jp, «maildirr: x, maildir: m}"},
       "unknown key `maildirr` in mail; did you mean `maildir`?"},
      {{"listen: {«controll: x}"}, "unknown key `controll` in listen; did you mean `control`?"},
      {{"people:\n  a: {mail: a@b.jp, roles: [system-lead, ap-ops, infra-ops], «unixuser: a}\n"
        "  b: {mail: a@b.jp, roles: [system-lead, ap-ops, infra-ops]}"},
       "unknown key `unixuser` in person a; did you mean `unix_user`?"},
      {{"people:\n  a: {mail: a@b.jp, roles: [system-lead, ap-ops, infra-ops], command: {run: [/bin/true], «tiemout: 3s}}\n"
        "  b: {mail: a@b.jp, roles: [system-lead, ap-ops, infra-ops]}"},
       "unknown key `tiemout` in the command of a; did you mean `timeout`?"},
      {{"people:\n  a: {mail: a@b.jp, roles: [system-lead, ap-ops, infra-ops], command: {run: [«ring]}}\n"
        "  b: {mail: a@b.jp, roles: [system-lead, ap-ops, infra-ops]}"},
       "`run` begins with the full path of a program, such as /usr/local/libexec/restart-web"},
      {{"people:\n  a: {mail: a@b.jp, roles: [system-lead, ap-ops, infra-ops], command: {run: [/bin/true], for: [«bank.first]}}\n"
        "  b: {mail: a@b.jp, roles: [system-lead, ap-ops, infra-ops]}"},
       "there is no notice `bank.first` to people of ours: write some of major.declared, failure.escalated, "
       "delivery.failed, lead.attention, monitoring.blind, failure.detected, failure.reminder, failure.recovered, "
       "failure.confirmed, failure.progress, failure.acknowledged, inquiry.reminder, inquiry.received"},
      {{probe("{kind: tcp, host: h, port: 1, «tiemout: 3s}")},
       "unknown key `tiemout` in probe web/tcp; did you mean `timeout`?"},
      {{"escalation: {«remindd: none}"},
       "unknown key `remindd` in escalation; did you mean `remind`?"},
      {{"escalation: {major: [{to: banks, window: bank_mail, «un1ess: acknowledged}]}"},
       "unknown key `un1ess` in a step of escalation.major; did you mean `unless`?"},
      {{"retention: {«records: 400d}"},
       "unknown key `records` in retention; did you mean `record`?"},
      {{"bank_notices: {«aproval: none}"},
       "unknown key `aproval` in bank_notices; did you mean `approval`?"},
      {{"probe_defaults: {«imterval: 1m}"},
       "unknown key `imterval` in probe_defaults; did you mean `interval`?"},
  });
}

TEST_CASE("wrong types are refused") {
  check_each({
      {{"timezone: «[Asia/Tokyo]"}, "`timezone` must be a text"},
      {{"timezone: «Asia/Tokio"},
       "\"Asia/Tokio\" is not a time zone of this machine: write an IANA name such as Asia/Tokyo"},
      {{"listen: «here"}, "listen must be a mapping (key: value)"},
      {{"people: «[sato]",
        "components: {web: {owner: system-lead}, database: {owner: system-lead}}"},
       "people must be a mapping from names to what they are\n"
       "c.yaml:7:27: nobody has the role `system-lead`, which is mailed here: give it to one of "
       "`people`"},
      {{"banks:\n  aozora: «x"}, "bank aozora must be a mapping (key: value)"},
      {{"probe_defaults: {confirm: «two}"}, "`confirm` must be a whole number from 1 to 100"},
      {{"probe_defaults: {confirm: «\"2\"}"}, "`confirm` must be a whole number from 1 to 100"},
      {{"probe_defaults: {retry: «10}"},
       "`retry`: \"10\" is not a duration: write it as 500ms, 30s, 5m, 2h, 5d or joined, 1h30m"},
      {{"escalation: {major: «{to: banks}}"},
       "`major` must be a list of steps (- {to: …, after: …})"},
      {{"maintenance: «{name: weekly}"},
       "`maintenance` must be a list of recurring stops (- {name: …, every: …, hours: …, services: "
       "…})"},
      {{"include: «{a: b}"}, "`include` takes a pattern such as conf.d/*.yaml, or a list"},
  });
}

TEST_CASE("names") {
  check_each({
      {{"banks:\n  «Ao zora: {contacts: [{mail: y@a.example}], services: all}"},
       "`Ao zora` cannot be the name of a bank: write letters a-z, digits, `-`, `_` and `.`, "
       "beginning with a letter or "
       "digit, at most 64"},
      {{"services:\n  «../site: {needs: [web, database]}", "banks:"},
       "`../site` cannot be the name of a service: write letters a-z, digits, `-`, `_` and `.`, "
       "beginning with a letter "
       "or digit, at most 64"},
      {{"services:\n  site: {needs: [web, database]}\n  «all: {needs: [site]}"},
       "a service cannot be named `all`: that word means every service"},
      {{"services:\n  site: {name: «\"a\\nb\", needs: [web, database]}"},
       "`name` holds a control character or a line break: remove it"},
      {{"services:\n  site: {name: «\"a\\u202eb\", needs: [web, database]}"},
       "`name` holds a control character or a line break: remove it"},
      {{"services:\n  site: {name: «\"\", needs: [web, database]}"},
       "`name` is empty: write a text, or remove the key"},
      {{"services:\n  site: {name: «" + std::string(201, 'x') + ", needs: [web, database]}"},
       "`name` is longer than 200 bytes"},
      {{probe("{kind: tcp, name: «a/b, host: h, port: 1}")},
       "`a/b` cannot be the name of a probe: write letters a-z, digits, `-`, `_` and `.`, at most "
       "64"},
  });
}

TEST_CASE("dangling names are refused with the nearest one") {
  check_each({
      {{"services:\n  site: {needs: [web, database, «databse]}"},
       "there is no component or service `databse`; did you mean `database`?"},
      {{"services:\n  site: {needs: [database, {at_least: 1, of: [web, «wib]}]}"},
       "there is no component or service `wib`; did you mean `web`?"},
      {{"components:\n  web: {owner: ap-ops, depends_on: [«zome]}\n  database: {owner: infra-ops}"},
       "there is no component `zome`"},
      {{"components:\n  web: {owner: ap-ops, depends_on: [«site]}\n  database: {owner: infra-ops}"},
       "`site` is a service: a component depends on components"},
      {{"banks:\n  aozora: {contacts: [{mail: y@a.example}], services: [«sight]}"},
       "there is no service `sight`"},
      {{"banks:\n  aozora: {contacts: [{mail: y@a.example}], services: [«sit]}"},
       "there is no service `sit`; did you mean `site`?"},
      {{"maintenance: [{name: weekly, every: mon, hours: \"22:00-24:00\", services: [«sit]}]"},
       "there is no service `sit`; did you mean `site`?"},
      {{"escalation: {incident: [{to: owner, window: «response_hour}]}"},
       "there is no window `response_hour`; did you mean `response_hours`?"},
      {{"escalation: {incident: [{to: «lead}]}"},
       "`to` must be owner, or a role (system-lead, ap-ops, infra-ops, inquiry-desk, auditor), not "
       "`lead`"},
      {{"components:\n  web: {owner: «sato}\n  database: {owner: infra-ops}"},
       "`owner` must be ap-ops, infra-ops or system-lead: who repairs the component"},
      {{"components:\n  web: {owner: «auditor}\n  database: {owner: infra-ops}"},
       "`owner` must be ap-ops, infra-ops or system-lead: who repairs the component"},
      {{probe("{kind: «htpp, url: x}")},
       "there is no probe of kind `htpp`: write one of " + all_kinds()},
  });
}

TEST_CASE("needs") {
  check_each({
      {{"services:\n  site: {needs: [database, {at_least: «3, of: [web, zone]}]}"},
       "`at_least` is 3, and `of` has only 2: this can never be met; write at most 2"},
      {{"services:\n  site: {needs: [database, {at_least: «0, of: [web, zone]}]}"},
       "`at_least` must be a whole number from 1 to 50000"},
      {{"services:\n  site: {needs: [web, database, {at_least: 1, of: [{at_least: «2, of: "
        "[zone]}]}]}"},
       "`at_least` is 2, and `of` has only 1: this can never be met; write at most 1"},
      {{"services:\n  site: {needs: [web, database, {at_least: 1, of: «[]}]}"},
       "`of` is empty: write the components or services of which some are needed"},
      {{"services:\n  site: {needs: [web, database, «{of: [zone]}]}"},
       "a need of service site needs `at_least`"},
      {{"services:\n  site: {needs: [web, database, «web]}"}, "`web` is named twice in one list"},
      {{"services:\n  site: {needs: [web, database]}\n  empty: {needs: «[]}"},
       "`needs` is empty: write the components that the service cannot do without"},
      {{"services:\n  site: {needs: [web, database]}\n  empty: «{name: x}"},
       "service empty needs `needs`"},
      {{"services:\n  site: {needs: [«web, database]}\n  web: {needs: [zone]}"},
       "there is a component `web` and a service `web`: give one of them another name\n"
       "c.yaml:13:3: warning: no service needs component web, directly or not: its failure can "
       "never be a major one"},
  });
}

TEST_CASE("cycles are refused and named") {
  check_each({
      {{"components:\n  web: {owner: ap-ops, depends_on: [zone]}\n  zone: {owner: ap-ops, "
        "depends_on: [«rack]}\n"
        "  rack: {owner: ap-ops, depends_on: [web]}\n  database: {owner: infra-ops, depends_on: "
        "[rack]}"},
       "rack depends on itself in a circle, rack -> web -> zone -> rack: remove one of these"},
      {{"components:\n  web: {owner: ap-ops, depends_on: [«web]}\n  database: {owner: infra-ops}"},
       "web depends on itself in a circle, web -> web: remove one of these"},
      {{"services:\n  admin: {needs: [site]}\n  site: {needs: [web, database, {at_least: 1, of: "
        "[«admin, zone]}]}"},
       "admin needs itself in a circle, admin -> site -> admin: remove one of these"},
  });
}

TEST_CASE("components that no service needs are warned of, and accepted") {
  check_each({
      {{"components:\n  web: {owner: ap-ops, depends_on: [zone]}\n  zone: {owner: ap-ops, "
        "depends_on: [rack]}\n"
        "  rack: {owner: ap-ops}\n  database: {owner: infra-ops}\n  «batch: {owner: ap-ops, "
        "depends_on: [rack]}"},
       "warning: no service needs component batch, directly or not: its failure can never be a "
       "major one"},
  });
}

TEST_CASE("people and roles") {
  const std::string b =
      "\n  b: {mail: b@b.jp, unix_user: two, roles: [system-lead, ap-ops, infra-ops]}";
  check_each({
      {{"people:\n  a: {mail: a@b.jp, unix_user: one, roles: [system-lead, ap-ops, infra-ops]}" +
        b + "\n  c: {mail: c@b.jp, roles: [ap-ops], unix_user: «one}"},
       "a and c have one `unix_user`, one (first at c.yaml:3:32): give each person their own"},
      {{"people:\n  a: {mail: a@b.jp, unix_user: «a b, roles: [system-lead, ap-ops, infra-ops]}" +
        b},
       "`a b` is not the name of a user of this machine: it cannot hold a space, a colon or a "
       "slash"},
      {{"people:\n  a: {mail: a@b.jp, roles: [system-lead, ap-ops, infra-ops, «boss]}" + b},
       "there is no role `boss`: write one of system-lead, ap-ops, infra-ops, inquiry-desk, "
       "auditor"},
      {{"people:\n  a: {mail: a@b.jp, roles: [system-lead, ap-ops, infra-ops, «ap-ops]}" + b},
       "a has the role `ap-ops` twice"},
      {{"people:\n  a: {mail: a@b.jp, roles: [system-lead, ap-ops, infra-ops]}" + b +
        "\n  c: {mail: a@b.jp, roles: «[]}"},
       "`roles` is empty: write one or more of system-lead, ap-ops, infra-ops, inquiry-desk, "
       "auditor"},
      {{"people:\n  a: {mail: a@b.jp, roles: [system-lead, ap-ops, infra-ops]}" + b +
        "\n  c: «{mail: a@b.jp}"},
       "person c needs `roles`"},
      {{"people:\n  a: «{roles: [system-lead, ap-ops, infra-ops]}" + b}, "person a needs `mail`"},
      {{"people:\n  a: {mail: a@b.jp, roles: [system-lead, ap-ops, infra-ops, «auditor]}" + b},
       "warning: a is the only one with the role `auditor`: nobody is told when they are away"},
      {{"people:\n  a: {mail: a@b.jp, roles: [system-lead, ap-ops, infra-ops]}" + b,
        "escalation: {detected: [{to: owner}, {to: [owner, «inquiry-desk]}]}"},
       "nobody has the role `inquiry-desk`, which is mailed here: give it to one of `people`"},
      {{"people:\n  a: {mail: a@b.jp, roles: [system-lead, ap-ops]}\n  b: {mail: a@b.jp, roles: "
        "[system-lead, ap-ops]}",
        "components:\n  web: {owner: ap-ops}\n  database: {owner: «infra-ops}"},
       "nobody has the role `infra-ops`, which is mailed here: give it to one of `people`"},
      {{"«people:\n  a: {mail: a@b.jp, roles: [infra-ops, ap-ops]}\n  b: {mail: a@b.jp, roles: "
        "[infra-ops, ap-ops]}"},
       "nobody has the role `system-lead`, who is told of everything that asks for a decision: "
       "give it to one of `people`"},
  });
}

TEST_CASE("addresses with line breaks, or without a domain") {
  const std::string b = "\n  b: {mail: b@b.jp, roles: [system-lead, ap-ops, infra-ops]}";
  const std::string before = "people:\n  a: {roles: [system-lead, ap-ops, infra-ops], mail: «";
  for (const char* address : {"sato", "sato@", "\"sato@example.jp\\r\\nBcc: x@example.jp\"",
                              "\"sato\\n@example.jp\"", "Sato <sato@example.jp>"}) {
    CAPTURE(address);
    const std::string said = said_at_mark({before + address + "}" + b});
    CHECK(said.starts_with("`mail`: "));
    CHECK(said.find('\n') == std::string::npos);
  }
  CHECK(said_at_mark({before + "\"sato\\0@example.jp\"}" + b})
            .starts_with("a text cannot hold the character NUL (\\0)"));
  CHECK(said_at_mark({"mail: {maildir: m, from: «運用監視}"}).starts_with("`from`: "));
  CHECK(said_at_mark({"banks:\n  aozora: {contacts: [{mail: «yamada}], services: all}"})
            .starts_with("`mail`: "));
}

TEST_CASE("banks") {
  const std::string contact = "contacts: [{mail: y@a.example}]";
  check_each({
      {{"banks:\n  «aozora: {" + contact + "}"},
       "bank aozora has no `services`: write those that it has contracted, or all"},
      {{"banks:\n  aozora: {" + contact + ", services: «[]}"},
       "bank aozora has no `services`: write those that it has contracted, or all"},
      {{"banks:\n  aozora: {" + contact + ", services: «site}"},
       "`services` must be all, or a list of services"},
      {{"banks:\n  aozora: {" + contact + ", services: [«all]}"},
       "`all` stands alone, without brackets: services: all"},
      {{"banks:\n  aozora: {" + contact + ", services: [site, «site]}"},
       "service `site` is named twice"},
      {{"banks:\n  «aozora: {services: all}"},
       "bank aozora has no contact: write whom to mail, contacts: [{name: …, mail: …}]"},
      {{"banks:\n  aozora: {services: all, contacts: «[]}"},
       "bank aozora has no contact: write whom to mail, contacts: [{name: …, mail: …}]"},
      {{"banks:\n  aozora: {services: all, contacts: «[{mail: y@a.example, for: stops}]}"},
       "bank aozora has no contact for failures: write whom to mail of them, or remove `for`"},
      {{"banks:\n  aozora: {services: all, contacts: «[{mail: y@a.example, for: [failures]}]}"},
       "warning: bank aozora has no contact for stops: nobody there is told of planned stops"},
      {{"banks:\n  aozora: {services: all, contacts: [{mail: y@a.example, for: [failures, "
        "«stop]}]}"},
       "each item of `for` must be failures or stops"},
  });
}

TEST_CASE("probes: intervals, timeouts, names") {
  check_each({
      {{probe("{kind: tcp, host: h, port: 1, interval: «5m1s}")},
       "an interval of 5m1s is too long: every probe runs at least every 5 minutes (M3); write 5m "
       "or less"},
      {{"probe_defaults: {interval: «10m}"},
       "an interval of 10m is too long: every probe runs at least every 5 minutes (M3); write 5m "
       "or less"},
      {{probe("{kind: tcp, host: h, port: 1, interval: «500ms}")},
       "an interval of 500ms is too short: write 1s or more"},
      {{probe("{kind: tcp, host: h, port: 1, interval: 30s, timeout: «30s}")},
       "the timeout, 30s, must be shorter than the interval, 30s: write a shorter timeout or a "
       "longer interval"},
      {{probe("{kind: tcp, host: h, port: 1, interval: «10s}")},
       "the timeout, 10s, must be shorter than the interval, 10s: write a shorter timeout or a "
       "longer interval"},
      {{"probe_defaults: {timeout: «2m}"},
       "the timeout, 2m, must be shorter than the interval, 1m: write a shorter timeout or a "
       "longer interval"},
      {{probe("{kind: tcp, host: h, port: 1, timeout: «0s}")},
       "`timeout` must be from 100ms to 5m, not 0s"},
      {{probe("{kind: tcp, host: h, port: 1, retry: «0s}")},
       "`retry` must be from 1s to 5m, not 0s"},
      {{probe("{kind: tcp, host: h, port: 1, confirm: «0}")},
       "`confirm` must be a whole number from 1 to 100"},
      {{probe("{kind: tcp, host: h, port: 1, impact: «none}")},
       "`impact` must be down or degraded"},
      {{probe("{kind: tcp, host: h, port: 1}, «{kind: tcp, host: h, port: 2}")},
       "component web has two probes `tcp`: give one another name (name: …)"},
      {{probe("{kind: tcp, host: h, port: 1}, {kind: disk, path: /, name: «tcp}")},
       "component web has two probes `tcp`: give one another name (name: …)"},
      {{probe("«{host: h, port: 1}")}, "a probe of component web needs `kind`"},
      {{probe("«{kind: tcp, host: h}")}, "probe web/tcp needs `port`"},
      {{probe("{kind: job, every: 1h, interval: «1m}")},
       "a job is judged by its pings, and by each at once: remove `interval`"},
      {{probe("{kind: job, every: 1h, confirm: «1}")},
       "a job is judged by its pings, and by each at once: remove `confirm`"},
  });
  CHECK(said_of(with({probe("{kind: tcp, host: h, port: 1, interval: 5m}, {kind: tcp, name: other, "
                            "host: h, port: 2}")})) == "");
  CHECK(said_at_mark({probe("«{kind: job}")}).find("c.yaml") == std::string::npos);
  CHECK(said_at_mark({probe("{kind: job, schedule: «\"0 25 * * *\"}")}).find("c.yaml") ==
        std::string::npos);
}

TEST_CASE("primary responses") {
  check_each({
      {{step("{run: «restart}")},
       "`run` must be a list: the program with its full path, then its arguments (no shell reads "
       "it)"},
      {{step("{run: «[]}")},
       "`run` is empty: write the program with its full path, then its arguments"},
      {{step("{run: [«restart, web]}")},
       "`run` begins with the full path of a program, such as /usr/local/libexec/restart-web"},
      {{step("{run: [/bin/true, «[x]]}")}, "each item of `run` must be a text"},
      {{step("«{run: [/bin/true], manual: x}")},
       "a step either runs a program (`run`) or is done by a person (`manual`), not both: write "
       "two steps"},
      {{step("«{timeout: 3m}")},
       "a primary response step of component web needs `run` (a program) or `manual` (what a "
       "person does)\n"
       "c.yaml:12:44: unknown key `timeout` in a primary response step of component web; the keys "
       "are `manual`, `run`"},
      {{step("{manual: x, «timeout: 3m}")},
       "unknown key `timeout` in a primary response step of component web; the keys are `manual`, "
       "`within`"},
      {{step("{run: [/bin/true], timeout: «25h}")}, "`timeout` must be from 1s to 1d, not 1d1h"},
      {{step("{manual: «\"a\\eb\"}")}, "`manual` holds a control character or a tab: remove it"},
  });
}

TEST_CASE("calendar") {
  check_each({
      {{"calendar: {holidays: «japanese}"}, "`holidays` must be japan or none"},
      {{"calendar: {closed: [«12-32]}"},
       "`closed`: \"12-32\" is neither a day nor a range of days: write it as 05-01 or "
       "12-29..01-03"},
      {{"calendar: {extra_holidays: [«2027-02-30]}"},
       "`extra_holidays`: \"2027-02-30\" is not a date: write it as 2026-12-28"},
      {{"calendar: {extra_holidays: [«2100-01-04]}"},
       "2100-01-04 lies outside the years that the calendar covers, 2000 to 2099"},
      {{"calendar: {extra_business_days: [2027-02-12, «2027-02-12]}"},
       "2027-02-12 is given twice in `extra_business_days`"},
      {{"calendar: {holidays: none, holidays_csv: «x.csv}"},
       "`holidays: none` and a list of holidays contradict each other: write holidays: japan, "
       "where the list wins for its "
       "years, or remove `holidays_csv`"},
  });
  const std::string missing = said_at_mark({"calendar: {holidays_csv: «none.csv}"});
  CHECK(missing == "cannot read none.csv: No such file or directory");
}

TEST_CASE("a list of holidays that is none is refused, and names the file and the line") {
  WrittenFolder folder;
  folder.write("holidays.csv", "date,name\n2026/1/1,元日\n2026/13/1,x\n");
  folder.write("c.yaml", with({"calendar: {holidays_csv: holidays.csv}"}));
  const std::string said = folder.problems("c.yaml");
  CHECK(said.starts_with("c.yaml:15:26: holidays.csv: line "));
}

TEST_CASE("the holidays have to cover today") {
  WrittenFolder folder;
  const std::string path = folder.write("c.yaml", with({"calendar: {holidays: japan}"}));
  CHECK(folder.problems(load_configuration(path, *parse_instant("2100-01-04T10:00:00+09:00"))) ==
        "c.yaml:15:1: the holidays are known from 2000 to 2099, and do not cover today, "
        "2100-01-04: correct the machine's "
        "clock, or install a version that knows this year\n");
  CHECK(folder.problems(load_configuration(path, *parse_instant("2099-06-01T10:00:00+09:00"))) ==
        "c.yaml:15:1: warning: the holidays are known until the end of 2099 only: install a "
        "version that knows the next "
        "year before it begins\n");
}

TEST_CASE("windows") {
  check_each({
      {{"windows: {night: {days: all, hours: «\"22:00-06:00\"}}"},
       "`hours`: \"22:00-06:00\" cross midnight: write two entries, 22:00-24:00 and, on the day "
       "after, 00:00-06:00"},
      {{"windows: {night: {days: «weekends, hours: \"22:00-24:00\"}}"},
       "`days`: \"weekends\" are no days: write business, all, or weekdays (mon, [sat, sun])"},
      {{"windows: {night: {days: «[], hours: \"22:00-24:00\"}}"},
       "`days` is empty: write business, all, or weekdays such as [sat, sun]"},
      {{"windows: {night: «{days: all}}"}, "window night needs `hours`"},
      {{"windows: {night: [{days: all, hours: \"22:00-24:00\"}, «{hours: \"22:00-24:00\"}]}"},
       "window night needs `days`"},
      {{"windows: {«night: {days: all, hours: []}}"},
       "window night never opens, as far as the next 400 days tell: write days and hours that "
       "occur, or correct the "
       "calendar"},
      {{"windows: {«night: []}"},
       "window night never opens, as far as the next 400 days tell: write days and hours that "
       "occur, or correct the "
       "calendar"},
      {{"mail: {from: k@example.jp, maildir: m, timeout: 2m}",
        "windows: {«bank_mail: {days: all, hours: \"10:00-10:01\"}}"},
       "window bank_mail is never open for 2m, the longest that an attempt may take "
       "(mail.timeout): no mail to a bank "
       "could ever leave; write longer hours or a shorter timeout"},
  });
  CHECK(said_of(with({"calendar: {closed: [01-01..12-31]}"})) ==
        "c.yaml:15:1: window bank_mail (business days 10:00-17:00) never opens, as far as the next "
        "400 days tell: write "
        "days and hours that occur, or correct the calendar\n"
        "c.yaml:15:1: window response_hours (business days 10:00-17:00) never opens, as far as the "
        "next 400 days tell: "
        "write days and hours that occur, or correct the calendar\n");
}

TEST_CASE("maintenance") {
  const std::string rest = "hours: \"22:00-24:00\", services: all";
  check_each({
      {{"maintenance: [«{every: mon, " + rest + "}]"}, "an entry of maintenance needs `name`"},
      {{"maintenance: [{name: weekly, every: mon, " + rest + "}, {name: «weekly, every: tue, " +
        rest + "}]"},
       "maintenance `weekly` is given twice: first at line 15"},
      {{"maintenance: [{name: weekly, every: «monday, " + rest + "}]"},
       "`every`: \"monday\" are no days: write business, all, or weekdays (mon, [sat, sun]); did "
       "you mean `mon`?"},
      {{"maintenance: [{name: weekly, every: mon, except: [«2026-1-5], " + rest + "}]"},
       "`except`: \"2026-1-5\" is not a date: write it as 2026-12-28"},
      {{"maintenance: [{name: weekly, every: mon, hours: \"22:00-24:00\", services: «[]}]"},
       "`services` is empty: write all, or the services that stop"},
      {{"maintenance: [{name: «weekly, every: business, " + rest + "}]",
        "calendar: {closed: [01-01..12-31]}",
        "windows: {bank_mail: {days: all, hours: \"10:00-17:00\"}, response_hours: {days: all, "
        "hours: \"10:00-17:00\"}}"},
       "maintenance weekly never opens, as far as the next 400 days tell: write days and hours "
       "that occur, or correct the "
       "calendar"},
  });
}

TEST_CASE("mail") {
  const std::string from = "mail: {from: k@example.jp, ";
  check_each({
      {{from + "maildir: m, smtp: «[{url: smtp://relay}]}"},
       "there is a `maildir` and there are `smtp` relays: keep the one that mail is to leave by"},
      {{"«" + from + "parallel: 2}"},
       "mail has no way out: write `maildir` (a folder) or `smtp` (a list of relays)"},
      {{from + "smtp: «[]}"}, "`smtp` is empty: write a relay (- url: …), or use `maildir`"},
      {{from + "smtp: «{url: smtp://relay}}"},
       "`smtp` must be a list of relays (- url: smtp://relay.example.jp:25)"},
      {{from + "smtp: [{url: «http://relay}]}"},
       "`url` must be smtp://HOST:PORT or smtps://HOST:PORT and nothing more: user and password "
       "have keys of their own"},
      {{from + "smtp: [{url: «\"smtp://user:secret@relay:25\"}]}"},
       "`url` must be smtp://HOST:PORT or smtps://HOST:PORT and nothing more: user and password "
       "have keys of their own"},
      {{from + "smtp: [{url: «\"smtp://relay:25/x\"}]}"},
       "`url` must be smtp://HOST:PORT or smtps://HOST:PORT and nothing more: user and password "
       "have keys of their own"},
      {{from + "smtp: [{url: «\"smtp://relay:0\"}]}"},
       "`url` must be smtp://HOST:PORT or smtps://HOST:PORT and nothing more: user and password "
       "have keys of their own"},
      {{from + "smtp: [{url: smtp://relay, starttls: «maybe}]}"},
       "`starttls` must be required, opportunistic or off"},
      {{from + "smtp: [{url: smtps://relay, starttls: «off}]}"},
       "smtps:// is encrypted from its first byte: remove `starttls`"},
      {{from + "smtp: [{url: smtp://relay, user: «k}]}"},
       "`user` and `password_file` (or `password_credential`) belong together: write both, or "
       "neither"},
      {{from + "smtp: [{url: smtp://relay, starttls: opportunistic, user: «k, password_file: p}]}"},
       "warning: with this `starttls` the password can cross the network to relay in clear: write "
       "starttls: required"},
      {{from + "maildir: m, timeout: «11m}"}, "`timeout` must be from 1s to 10m, not 11m"},
      {{from + "maildir: m, parallel: «17}"}, "`parallel` must be a whole number from 1 to 16"},
      {{from + "maildir: m, retry: {first: 1m, most: «30s}}"},
       "`most`, 30s, is shorter than `first`, 1m: the time between tries only grows"},
      {{from + "maildir: m, templates: «words}"},
       "there is no folder words: make it, or remove `templates`"},
      {{from + "maildir: m, language: «fr}"}, "`language` must be ja or en"},
      {{from + "maildir: m, contact: «\" \"}"},
       "`contact` is empty: write a text, or remove the key"},
      {{from + "maildir: m, contact: «[a]}"}, "`contact` must be a text"},
      {{from + "maildir: m, contact: «\"a\\tb\"}"},
       "`contact` holds a control character or a tab: remove it"},
      {{from + "maildir: m, contact: {«jp: a}}"},
       "unknown key `jp` in mail.contact; did you mean `ja`?"},
      {{from + "maildir: m, contact: {en: «{}}}"}, "`en` must be a text"},
      {{"mail: «{maildir: m}"}, "mail needs `from`"},
  });
  CHECK(said_of(with({"mail:"})) == "c.yaml:1:1: the configuration needs `mail`\n");
}

TEST_CASE("escalation") {
  check_each({
      {{"escalation: {major: [{to: system-lead}, {to: «banks}]}"},
       "mail to banks goes in a window only (N1): add window: bank_mail"},
      {{"escalation: {incident: [{to: «banks, window: bank_mail}]}"},
       "banks are mailed of major failures only (N2): remove `banks` from incident"},
      {{"escalation: {detected: [{to: owner, after: «5m}]}"},
       "steps of detected go at once: remove `after`"},
      {{"escalation: {major: [{to: banks, window: bank_mail, unless: «acknowledged}]}"},
       "an acknowledgement never drops what banks are owed: remove `unless`, or write a step of "
       "its own for banks"},
      {{"escalation: {incident: [{to: owner, unless: «never}]}"}, "`unless` must be acknowledged"},
      {{"escalation: {incident: [{to: «[]}]}"}, "`to` is empty: write whom to mail"},
      {{"escalation: {incident: [«{after: 5m}]}"}, "a step of escalation.incident needs `to`"},
      {{"escalation: {major: «[{to: system-lead}]}"},
       "warning: no step of the major chain mails the banks: they will not hear of major failures "
       "(N1)"},
      {{"escalation: {flapping: «off}"}, "`flapping` must be {turns: 10, within: 1h}, or none"},
      {{"escalation: {flapping: «{turns: 6}}"}, "escalation.flapping needs `within`"},
      {{"escalation: {remind: «off}"},
       "`remind` must be {every: 30m, until: acknowledged}, or none"},
      {{"escalation: {remind: {every: 30m, until: «closed}}"}, "`until` must be acknowledged"},
      {{"escalation: {remind: «{until: acknowledged}}"}, "escalation.remind needs `every`"},
      {{"escalation: {undetermined_at_most: «0s}"},
       "`undetermined_at_most` must be from 1s to 1d, not 0s"},
      {{"escalation: {correlate: «2h}"}, "`correlate` must be from 0s to 1h, not 2h"},
      {{"escalation: {report_due: «5s}"}, "`report_due` must be from 1m to 7d, not 5s"},
      {{"bank_notices: {approval: «maybe}"}, "`approval` must be none or system-lead"},
      {{"bank_notices: {first_per_hour: «0}"},
       "`first_per_hour` must be a whole number from 1 to 1000"},
      {{"inquiries: {«first_reply_withn: 2h}"},
       "unknown key `first_reply_withn` in inquiries; did you mean `first_reply_within`?"},
      {{"inquiries: {first_reply_within: «5s}"}, "`first_reply_within` must be from 1m to 30d, not 5s"},
      {{"inquiries: {remind_before: «2h}"},
       "`remind_before`, 2h, is not shorter than `first_reply_within`, 2h: the desk would be reminded "
       "before anybody asks; write a shorter one, or 0s for no reminder"},
  });
}

TEST_CASE("listen, retention") {
  const std::string http =
      "`http` must be an address of this machine and a port, such as 127.0.0.1:9640 or [::1]:9640";
  check_each({
      {{"listen: {http: «9640}"}, http},
      {{"listen: {http: «\":9640\"}"}, http},
      {{"listen: {http: «\"127.0.0.1:70000\"}"}, http},
      {{"listen: {http: «\"127.0.0.1:0\"}"}, http},
      {{"listen: {http: «\"::1:9640\"}"}, http},
      {{"listen: {http: «\"example.jp:9640\"}"}, http},
      {{"listen: {control: «/" + std::string(107, 'x') + "}"},
       "the path of a Unix socket has at most 107 bytes, and this is 108 long: /" +
           std::string(107, 'x')},
      {{"retention: {record: «1h}"}, "`record` must be from 365d to 10000d, not 1h"},
  });
}

TEST_CASE("heartbeat") {
  const std::string scheme = "`url`: only http:// and https:// are asked; for others see the tcp probe";
  check_each({
      {{"heartbeat: «{every: 1m}"}, "heartbeat needs `url`"},
      {{"heartbeat: «https://watch.example.jp/1"}, "heartbeat must be a mapping (key: value)"},
      {{"heartbeat: {url: «ftp://watch.example.jp/1}"}, scheme},
      {{"heartbeat: {url: «watch}"},
       "`url`: not a URL that can be asked; write http://host/path or https://host/path"},
      {{"heartbeat: {url: \"http://watch.example.jp/1\", every: «6m}"},
       "`every` must be from 1s to 5m, not 6m"},
      {{"heartbeat: {url: \"http://watch.example.jp/1\", every: «0s}"},
       "`every` must be from 1s to 5m, not 0s"},
      {{"heartbeat: {url: \"http://watch.example.jp/1\", «evry: 1m}"},
       "unknown key `evry` in heartbeat; did you mean `every`?"},
  });
}

TEST_CASE("every error is reported at once, in the order of the places") {
  CHECK(
      said_of("timezone: Mars/Base\n"
              "mail: {from: nobody, maildir: a, smtp: [{url: relay}], parallel: 0}\n"
              "people:\n"
              "  a: {mail: x, roles: [system-leed], unix_user: u}\n"
              "  b: {mail: b@example.jp, roles: [system-lead], unix_user: u}\n"
              "services:\n"
              "  site: {needs: [web, {at_least: 2, of: [db]}], neds: []}\n"
              "components:\n"
              "  web: {owner: ap-ops, probes: [{kind: tcp, host: h, port: 1, interval: 10m, "
              "timeout: 20m}]}\n") ==
      "c.yaml:1:11: \"Mars/Base\" is not a time zone of this machine: write an IANA name such as "
      "Asia/Tokyo\n"
      "c.yaml:2:14: `from`: the address \"nobody\" has no domain: write name@example.jp\n"
      "c.yaml:2:40: there is a `maildir` and there are `smtp` relays: keep the one that mail is to "
      "leave by\n"
      "c.yaml:2:47: `url` must be smtp://HOST:PORT or smtps://HOST:PORT and nothing more: user and "
      "password have keys "
      "of their own\n"
      "c.yaml:2:66: `parallel` must be a whole number from 1 to 16\n"
      "c.yaml:4:13: `mail`: the address \"x\" has no domain: write name@example.jp\n"
      "c.yaml:4:24: there is no role `system-leed`: write one of system-lead, ap-ops, infra-ops, "
      "inquiry-desk, auditor\n"
      "c.yaml:5:35: warning: b is the only one with the role `system-lead`: nobody is told when "
      "they are away\n"
      "c.yaml:5:60: a and b have one `unix_user`, u (first at c.yaml:4:49): give each person their "
      "own\n"
      "c.yaml:7:34: `at_least` is 2, and `of` has only 1: this can never be met; write at most 1\n"
      "c.yaml:7:42: there is no component or service `db`\n"
      "c.yaml:7:49: unknown key `neds` in service site; did you mean `needs`?\n"
      "c.yaml:9:16: nobody has the role `ap-ops`, which is mailed here: give it to one of "
      "`people`\n"
      "c.yaml:9:73: an interval of 10m is too long: every probe runs at least every 5 minutes "
      "(M3); write 5m or less\n"
      "c.yaml:9:87: `timeout` must be from 100ms to 5m, not 20m\n");
}

TEST_CASE("messages hold nothing that could harm a terminal") {
  const std::string said = said_of(with({"\"a\\e[2J\\u202e\": 1"}));
  CHECK(said.find('\x1b') == std::string::npos);
  CHECK(said.find("\u202e") == std::string::npos);
  CHECK(said.find("unknown key `a\\x1b[2J\\u202e`") != std::string::npos);
}

TEST_CASE("a thousand problems are listed, and the rest counted") {
  std::string text = "mail: {from: k@example.jp, maildir: m}\n";
  for (int i = 0; i < 3000; ++i)
    text += "unknown-key-" + std::to_string(i) + ": x\n";
  const Loaded loaded = [&] {
    WrittenFolder folder;
    return load_configuration(folder.write("c.yaml", text), december());
  }();
  REQUIRE(loaded.problems.size() == 1001);
  CHECK(loaded.problems.back().message == "and 2001 more problems from here on");
  CHECK_FALSE(loaded.configuration);
}

TEST_CASE("dates that have no effect are warned of") {
  check_each({
      {{"calendar: {extra_holidays: [2027-02-12], extra_business_days: [«2027-02-12]}"},
       "warning: 2027-02-12 is in `extra_holidays` too: it counts as a business day; remove one of "
       "the two"},
      {{"maintenance:\n  - {name: w, every: [mon], hours: \"22:00-24:00\", except: [2026-12-28, "
        "«2026-12-29]}"},
       "warning: maintenance w does not happen on 2026-12-29 anyway: is the date right?"},
      {{"maintenance:\n  - {name: w, every: business, hours: \"22:00-24:00\", except: "
        "«2027-01-01}"},
       "warning: maintenance w does not happen on 2027-01-01 anyway: is the date right?"},
  });
}

TEST_CASE("what is no YAML is said in words that help, with where it began") {
  const auto said = [](std::string text) {
    const auto [unmarked, place] = marked(std::move(text));
    const std::string all = said_of(unmarked);
    const std::string line = all.substr(0, all.find('\n'));
    CHECK(line.starts_with("c.yaml:" + place + ": "));
    return line.substr(std::min(line.size(), place.size() + 9));
  };
  CHECK(said("a:\n«\tb: 1\n") ==
        "this is not YAML: the line begins with a tab: indent by spaces only");
  CHECK(said("a:\n  b: 1\n  «\tc: 1\n") ==
        "this is not YAML: the line begins with a tab: indent by spaces only");
  CHECK(said("a: 1\nb 2\nc«: 3\n") ==
        "this is not YAML: line 2, before it, has no colon: write `key: value` there");
  CHECK(
      said("a: b«: c\n") ==
      "this is not YAML: a second `: ` in one value: put the value in quotes, or begin a new line");
  CHECK(said("a:\n  b: x\n   c«: y\n") ==
        "this is not YAML: the line is indented further than line 2, whose key has its value "
        "already: indent it "
        "as that one");
  CHECK(said("a:\n  b: 1\n «c: 2\n").find("indented as no line above it") != std::string::npos);
  CHECK(said("a: «\"x\nb: 2\nc: 3\n") == "this is not YAML: the quote opened here is never closed");
  CHECK(said("a: «'x\nb: ''2\n") == "this is not YAML: the quote opened here is never closed");
  CHECK(
      said("a: \"x\nb: \"«y\"\nc: 3\n").find("the quote opened at 1:4 is closed at line 2 only") !=
      std::string::npos);
  CHECK(said("a: {b: 1\nc«: [1, 2\n")
            .find("the bracket opened at 1:4 is not closed, or a comma is missing") !=
        std::string::npos);
  CHECK(said("a: [1, 2«}\n").find("the bracket opened at 1:4 is closed by one of another kind") !=
        std::string::npos);
  CHECK(said("a: «@x\n") == "this is not YAML: a text cannot begin with `@`: put it in quotes");
  CHECK(
      said("a: «*nix\n") ==
      "this is not YAML: `*` stands for something named before by `&`, and nothing was: put a text "
      "that begins with `*` in quotes");
}
