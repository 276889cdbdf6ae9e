#include "shape.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace yagura::sim {

namespace {

// The national holidays as published, written down a second time.
const std::set<std::string> holidays{
    "2026-01-01", "2026-01-12", "2026-02-11", "2026-02-23", "2026-03-20", "2026-04-29",
    "2026-05-03", "2026-05-04", "2026-05-05", "2026-05-06", "2026-07-20", "2026-08-11",
    "2026-09-21", "2026-09-22", "2026-09-23", "2026-10-12", "2026-11-03", "2026-11-23",
    "2027-01-01", "2027-01-11", "2027-02-11", "2027-02-23", "2027-03-21", "2027-03-22",
    "2027-04-29", "2027-05-03", "2027-05-04", "2027-05-05", "2027-07-19", "2027-08-11",
    "2027-09-20", "2027-09-23", "2027-10-11", "2027-11-03", "2027-11-23", "2028-01-01",
    "2028-01-10", "2028-02-11", "2028-02-23", "2028-03-20", "2028-04-29", "2028-05-03",
    "2028-05-04", "2028-05-05", "2028-07-17", "2028-08-11", "2028-09-18", "2028-09-22",
    "2028-10-09", "2028-11-03", "2028-11-23", "2029-01-01", "2029-01-08", "2029-02-11",
    "2029-02-12", "2029-02-23", "2029-03-20"};

std::string clock(int minutes) {
  return fmt::format("{:02}:{:02}", minutes / 60, minutes % 60);
}

std::string days_of(const Shape::Hours& hours) {
  return hours.days.size() == 1 ? hours.days[0] : fmt::format("[{}]", fmt::join(hours.days, ", "));
}

Shape::Hours window(Random& random) {
  Shape::Hours hours;
  switch (random.below(6)) {
    case 0:
      hours.days = {"all"};
      break;
    case 1:
      hours.days = {"mon", "wed", "sat"};
      break;
    default:
      break;
  }
  if (random.one_in(2)) return hours;
  hours.from = random.from_to(0, 20) * 60 + (random.one_in(3) ? 30 : 0);
  hours.until = std::min(1440, hours.from + random.from_to(1, 10) * 60);
  return hours;
}

std::vector<std::string> some_of(Random& random, const std::vector<std::string>& of, int one_of) {
  std::vector<std::string> some;
  for (const std::string& one : of) {
    if (random.one_in(one_of)) some.push_back(one);
  }
  if (some.empty()) some.push_back(random.pick(of));
  return some;
}

std::vector<std::string> names_of(const auto& of) {
  std::vector<std::string> names;
  for (const auto& one : of)
    names.push_back(one.id);
  return names;
}

Shape::Component component(Random& random, const std::string& id,
                           const std::vector<std::string>& before, int size) {
  Shape::Component made;
  made.id = id;
  made.owner = random.one_in(2) ? "ap-ops" : "infra-ops";
  if (!before.empty() && random.one_in(2)) made.depends_on = {random.pick(before)};
  if (before.size() > 2 && random.one_in(4)) made.depends_on.push_back(before[0]);
  std::sort(made.depends_on.begin(), made.depends_on.end());
  made.depends_on.erase(std::unique(made.depends_on.begin(), made.depends_on.end()),
                        made.depends_on.end());
  const int probes = size == 0 ? 1 : random.from_to(1, 2);
  for (int i = 0; i < probes; ++i) {
    Shape::Probe probe;
    probe.name = fmt::format("p{}", i + 1);
    probe.impact = random.one_in(4) ? "degraded" : "down";
    probe.interval = random.from_to(2, 5) * 60;
    probe.timeout = random.from_to(2, 30);
    probe.retry = random.from_to(5, 40);
    probe.confirm = random.from_to(1, 3);
    probe.clear = random.from_to(1, 3);
    made.probes.push_back(probe);
  }
  if (size > 0 && random.one_in(4)) {
    Shape::Probe job;
    job.name = "job";
    job.job = true;
    job.impact = random.one_in(4) ? "down" : "degraded";
    if (random.one_in(2))
      job.schedule = fmt::format("{} {} * * *", random.below(60), random.below(24));
    job.business_days = !job.schedule.empty() && random.one_in(2);
    job.every = random.from_to(2, 12) * 3600;
    made.probes.push_back(job);
  }
  if (random.one_in(2))
    made.response.push_back(
        fmt::format("{{run: [/respond], timeout: {}s}}", random.from_to(10, 300)));
  if (random.one_in(3))
    made.response.push_back(
        fmt::format("{{manual: 手順書に従う, within: {}m}}", random.from_to(2, 20)));
  return made;
}

Shape::Service service(Random& random, const std::string& id, const Shape& shape) {
  Shape::Service made{id, {}};
  const std::vector<std::string> components = names_of(shape.components),
                                 services = names_of(shape.services);
  const int needs = random.from_to(1, 2);
  auto add = [&made](Shape::Need need) {
    for (const Shape::Need& known : made.needs) {
      if (known.at_least == 0 && need.at_least == 0 && known.of == need.of) return;
    }
    made.needs.push_back(std::move(need));
  };
  for (int i = 0; i < needs; ++i) {
    if (!services.empty() && random.one_in(5)) {
      add({0, {random.pick(services)}});
    } else if (components.size() > 1 && random.one_in(2)) {
      std::vector<std::string> of = some_of(random, components, 2);
      const int least = random.from_to(1, static_cast<int>(of.size()));
      add({least, of});
    } else {
      add({0, {random.pick(components)}});
    }
  }
  return made;
}

Shape::Bank bank(Random& random, const std::string& id, const Shape& shape) {
  Shape::Bank made{id, {}, some_of(random, names_of(shape.services), 2)};
  const int contacts = random.from_to(1, 3);
  for (int i = 0; i < contacts; ++i)
    made.mails.push_back(fmt::format("c{}@{}.example", i + 1, id));
  return made;
}

void make_chains(Shape& shape, Random& random) {
  auto after = [&] {
    return random.one_in(2) ? fmt::format(", after: {}m", random.from_to(1, 60)) : std::string();
  };
  auto unless = [&] { return random.one_in(2) ? ", unless: acknowledged" : ""; };
  auto hours = [&] { return random.one_in(3) ? ", window: response_hours" : ""; };
  const std::vector<std::string> audiences{"system-lead", "owner", "[ap-ops, infra-ops]",
                                           "inquiry-desk"};
  shape.incident.push_back(fmt::format("{{to: system-lead{}{}{}}}", after(), unless(), hours()));
  if (random.one_in(2))
    shape.incident.push_back(
        fmt::format("{{to: {}{}{}}}", random.pick(audiences), after(), unless()));
  shape.major.push_back("{to: system-lead}");
  for (int i = random.from_to(0, 2); i > 0; --i) {
    shape.major.push_back(
        fmt::format("{{to: {}{}{}{}}}", random.pick(audiences), after(), unless(), hours()));
  }
  shape.major.push_back(
      fmt::format("{{to: banks, window: bank_mail{}}}", random.one_in(3) ? after() : ""));
}

}  // namespace

const Shape::Component* Shape::component(const std::string& name) const {
  for (const Component& one : components) {
    if (one.id == name) return &one;
  }
  return nullptr;
}

bool Shape::is_down(const std::string& service, const std::set<std::string>& down) const {
  if (down.contains(service)) return true;
  for (const Service& one : services) {
    if (one.id != service) continue;
    for (const Need& need : one.needs) {
      int well = 0;
      for (const std::string& of : need.of)
        well += is_down(of, down) ? 0 : 1;
      if (well < (need.at_least == 0 ? 1 : need.at_least)) return true;
    }
  }
  return false;
}

std::set<std::string> Shape::Bank::mails_for(const std::string& what) const {
  std::set<std::string> found;
  for (const std::string& mail : mails) {
    auto only = only_for.find(mail);
    if (only == only_for.end() || only->second == what) found.insert(mail);
  }
  return found;
}

std::set<std::string> Shape::services_needing(const std::string& component) const {
  std::set<std::string> reached{component};
  for (std::size_t before = 0; before != reached.size();) {
    before = reached.size();
    for (const Component& one : components) {
      for (const std::string& on : one.depends_on) {
        if (reached.contains(on)) reached.insert(one.id);
      }
    }
    for (const Service& one : services) {
      for (const Need& need : one.needs) {
        for (const std::string& of : need.of) {
          if (reached.contains(of)) reached.insert(one.id);
        }
      }
    }
  }
  std::set<std::string> needing;
  for (const Service& one : services) {
    if (reached.contains(one.id)) needing.insert(one.id);
  }
  return needing;
}

Date Shape::business_days_before(Date date, int days) const {
  while (days > 0) {
    date -= std::chrono::days{1};
    if (is_business_day(date)) --days;
  }
  return date;
}

bool Shape::is_business_day(Date date) const {
  const std::string text = format_date(date);
  if (extra_holidays.contains(text)) return false;
  const auto weekday = std::chrono::weekday{date}.c_encoding();
  if (weekday == 0 || weekday == 6) return false;
  const std::string day = text.substr(5);
  if (day >= "12-29" || day <= "01-03") return false;
  return !(japan && holidays.contains(text));
}

bool Shape::is_open(const Hours& hours, Instant at, const Zone& in) const {
  static const std::vector<std::string> names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  const LocalTime local = in.to_local(at);
  const Date date = std::chrono::floor<std::chrono::days>(local);
  const auto minute =
      std::chrono::duration_cast<std::chrono::minutes>(local - LocalTime{date.time_since_epoch()})
          .count();
  if (minute < hours.from || minute >= hours.until) return false;
  for (const std::string& day : hours.days) {
    if (day == "all" || (day == "business" && is_business_day(date)) ||
        day == names[std::chrono::weekday{date}.c_encoding()]) {
      return true;
    }
  }
  return false;
}

bool Shape::stays_open(const Hours& hours, Instant at, Duration after, const Zone& in) const {
  for (Duration later{0}; later < after; later += 1s) {
    if (!is_open(hours, at + later, in)) return false;
  }
  return true;
}

// Hours begin and end with half hours, in every zone.
Instant Shape::after_open(const Hours& hours, Instant from, Duration length, const Zone& in) const {
  for (Instant at = from;;) {
    const Instant next = std::chrono::floor<Duration>(at) - at.time_since_epoch() % 30min + 30min;
    if (is_open(hours, at, in)) {
      if (next - at >= length) return at + length;
      length -= next - at;
    }
    at = next;
  }
}

Shape make_shape(Random& random, int size) {
  Shape shape;
  shape.zone = random.pick(
      std::vector<std::string>{"Asia/Tokyo", "Asia/Tokyo", "Europe/Berlin", "America/New_York"});
  shape.japan = !random.one_in(4);
  shape.bank_mail = window(random);
  shape.response_hours = window(random);
  shape.maintenance = !random.one_in(3);
  shape.maintenance_hours.from = random.from_to(0, 22) * 60;
  static const char* const weekdays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
  shape.maintenance_hours.days = {weekdays[shape.maintenance_hours.from / 60 % 7]};
  shape.maintenance_hours.until =
      std::min(1440, shape.maintenance_hours.from + random.from_to(1, 4) * 60);
  shape.people = {{"lead1", "system-lead"},
                  {"ap1", "ap-ops"},
                  {"infra1", "infra-ops"},
                  {"desk1", "inquiry-desk"}};
  if (random.one_in(2)) shape.people.push_back({"lead2", "system-lead"});
  if (random.one_in(2)) shape.people.push_back({"ap2", "ap-ops"});
  const int components = size == 0 ? 1 : random.from_to(2, 2 + 2 * size);
  for (int i = 1; i <= components; ++i) {
    shape.components.push_back(
        component(random, fmt::format("c{}", i), names_of(shape.components), size));
  }
  const int services = size == 0 ? 1 : random.from_to(1, 1 + size);
  for (int i = 1; i <= services; ++i)
    shape.services.push_back(service(random, fmt::format("s{}", i), shape));
  const int banks = size == 0 ? 1 : random.from_to(1, 1 + size);
  for (int i = 1; i <= banks; ++i)
    shape.banks.push_back(bank(random, fmt::format("b{}", i), shape));
  if (shape.maintenance && random.one_in(3))
    shape.maintenance_of = some_of(random, names_of(shape.services), 2);
  make_chains(shape, random);
  shape.undetermined_at_most = random.from_to(5, 30);
  shape.correlate = random.from_to(1, 5);
  shape.auto_close = random.from_to(5, 60);
  shape.report_due = random.from_to(30, 180);
  shape.remind = random.from_to(15, 120);
  shape.parallel = random.from_to(1, 4);
  shape.retry_first = random.from_to(5, 60);
  shape.retry_most = random.from_to(60, 3600);
  shape.attempt_timeout = random.from_to(5, 60);
  shape.first_per_hour = random.from_to(1, 5);
  return shape;
}

Shape change_shape(const Shape& shape, Random& random) {
  Shape next = shape;
  ++next.version;
  switch (random.below(12)) {
    case 0:
      next.banks.push_back(bank(random, fmt::format("b{}", 10 + next.version), next));
      break;
    case 1:
      if (next.banks.size() > 1)
        next.banks.erase(next.banks.begin() + random.below(static_cast<int>(next.banks.size())));
      break;
    case 2: {
      Shape::Bank& one =
          next.banks[static_cast<std::size_t>(random.below(static_cast<int>(next.banks.size())))];
      one.mails = {fmt::format("new{}@{}.example", next.version, one.id)};
      break;
    }
    case 3: {
      Shape::Bank& one =
          next.banks[static_cast<std::size_t>(random.below(static_cast<int>(next.banks.size())))];
      one.services = some_of(random, names_of(next.services), 2);
      break;
    }
    case 4:
      next.bank_mail = window(random);
      break;
    case 5:
      next.components.push_back(
          component(random, fmt::format("c{}", 10 + next.version), names_of(next.components), 1));
      break;
    case 6: {
      // One that nobody needs, or the needs of services go to another.
      if (next.components.size() < 2) break;
      const std::string gone = next.components.back().id, other = next.components.front().id;
      next.components.pop_back();
      for (Shape::Service& one : next.services) {
        for (Shape::Need& need : one.needs) {
          for (std::string& name : need.of)
            name = name == gone ? other : name;
          std::sort(need.of.begin(), need.of.end());
          need.of.erase(std::unique(need.of.begin(), need.of.end()), need.of.end());
          need.at_least = std::min(need.at_least, static_cast<int>(need.of.size()));
        }
        std::set<std::string> plain;
        std::erase_if(one.needs, [&](const Shape::Need& need) {
          return need.at_least == 0 && !plain.insert(need.of[0]).second;
        });
      }
      break;
    }
    case 7: {
      Shape::Component& one = next.components[static_cast<std::size_t>(
          random.below(static_cast<int>(next.components.size())))];
      for (Shape::Probe& probe : one.probes) {
        if (!probe.job)
          probe.interval = random.from_to(2, 5) * 60, probe.confirm = random.from_to(1, 3);
      }
      break;
    }
    case 8:
      next.parallel = random.from_to(1, 4);
      break;
    case 9:
      next.people.push_back({fmt::format("lead{}", 10 + next.version), "system-lead"});
      break;
    case 10:
      next.maintenance = !next.maintenance;
      break;
    case 11:
      next.response_hours = window(random);
      break;
  }
  return next;
}

void vary_stops(Shape& shape, Random random) {
  for (Shape::Bank& bank : shape.banks) {
    for (const std::string& mail : bank.mails) {
      if (!random.one_in(3)) continue;
      // Somebody hears of failures.
      bank.only_for.erase(mail);
      const bool may = mail != bank.mails.front() && random.one_in(2);
      bank.only_for[mail] = may ? "stops" : "failures";
    }
  }
  shape.stop_reminder = random.one_in(3);
  if (random.one_in(3)) {
    shape.maintenance_hours.until =
        std::min(1440, shape.maintenance_hours.from + random.from_to(1, 8) * 30);
  }
}

void vary_inquiries(Shape& shape, Random random) {
  shape.first_reply = random.from_to(1, 8) * 30;
  shape.remind_reply = random.one_in(4) ? 0 : random.from_to(5, shape.first_reply - 5);
}

std::string yaml_of(const Shape& shape, const std::string& folder) {
  std::string text = fmt::format(
      "timezone: {}\nstate: {}\nlisten: {{control: {}/control.sock}}\n"
      "mail:\n  from: 監視 <kanshi@example.jp>\n  maildir: {}/mail\n  retry: {{first: {}s, most: "
      "{}s}}\n"
      "  timeout: {}s\n  parallel: {}\n",
      shape.zone, folder, folder, folder, shape.retry_first, shape.retry_most,
      shape.attempt_timeout, shape.parallel);
  text += fmt::format("calendar:\n  holidays: {}\n  closed: [12-29..01-03]\n",
                      shape.japan ? "japan" : "none");
  if (!shape.extra_holidays.empty())
    text += fmt::format("  extra_holidays: [{}]\n", fmt::join(shape.extra_holidays, ", "));
  auto hours = [](const Shape::Hours& of) {
    return fmt::format("{{days: {}, hours: \"{}-{}\"}}", days_of(of), clock(of.from),
                       clock(of.until));
  };
  text += fmt::format("windows:\n  bank_mail: {}\n  response_hours: {}\n", hours(shape.bank_mail),
                      hours(shape.response_hours));
  if (shape.maintenance) {
    text += fmt::format(
        "maintenance:\n  - {{name: weekly, every: {}, hours: \"{}-{}\", services: {}}}\n",
        shape.maintenance_hours.days[0], clock(shape.maintenance_hours.from),
        clock(shape.maintenance_hours.until),
        shape.maintenance_of.empty() ? "all"
                                     : fmt::format("[{}]", fmt::join(shape.maintenance_of, ", ")));
  }
  text += "people:\n";
  for (const auto& one : shape.people) {
    text += fmt::format("  {}: {{name: {}, mail: {}@example.jp, roles: [{}], unix_user: {}}}\n",
                        one.id, one.id, one.id, one.role, one.id);
  }
  text += "banks:\n";
  for (const auto& one : shape.banks) {
    text += fmt::format("  {}: {{name: 銀行 {}, services: [{}], contacts: [", one.id, one.id,
                        fmt::join(one.services, ", "));
    for (const std::string& mail : one.mails) {
      auto only = one.only_for.find(mail);
      text += fmt::format("{{name: 担当, mail: {}{}}}, ", mail,
                          only == one.only_for.end() ? "" : ", for: [" + only->second + "]");
    }
    text += "]}\n";
  }
  text += "services:\n";
  for (const auto& one : shape.services) {
    text += fmt::format("  {}: {{name: サービス {}, needs: [", one.id, one.id);
    for (const auto& need : one.needs) {
      text += need.at_least == 0 ? need.of[0] + ", "
                                 : fmt::format("{{at_least: {}, of: [{}]}}, ", need.at_least,
                                               fmt::join(need.of, ", "));
    }
    text += "]}\n";
  }
  text += "components:\n";
  for (const auto& one : shape.components) {
    text += fmt::format("  {}:\n    owner: {}\n    depends_on: [{}]\n    probes:\n", one.id,
                        one.owner, fmt::join(one.depends_on, ", "));
    for (const auto& probe : one.probes) {
      if (probe.job) {
        text += fmt::format(
            "      - {{kind: job, name: {}, impact: {}, start_within: 15m, max_duration: 1h{}, "
            "{}}}\n",
            probe.name, probe.impact, probe.business_days ? ", on: business" : "",
            probe.schedule.empty() ? fmt::format("every: {}s", probe.every)
                                   : fmt::format("schedule: \"{}\"", probe.schedule));
        continue;
      }
      text += fmt::format(
          "      - {{kind: tcp, host: 127.0.0.1, port: 1, name: {}, impact: {}, interval: {}s, "
          "timeout: {}s, "
          "retry: {}s, confirm: {}, clear: {}}}\n",
          probe.name, probe.impact, probe.interval, probe.timeout, probe.retry, probe.confirm,
          probe.clear);
    }
    if (!one.response.empty())
      text += fmt::format("    primary_response: [{}]\n", fmt::join(one.response, ", "));
  }
  text += fmt::format("escalation:\n  detected: [{{to: owner}}]\n  incident: [{}]\n  major: [{}]\n",
                      fmt::join(shape.incident, ", "), fmt::join(shape.major, ", "));
  text += fmt::format(
      "  remind: {{every: {}m, until: acknowledged}}\n  report_due: {}m\n  undetermined_at_most: "
      "{}m\n"
      "  correlate: {}m\n  auto_close: {}m\n  flapping: {{turns: {}, within: {}m}}\n"
      "bank_notices: {{approval: none, first_per_hour: {}{}}}\n",
      shape.remind, shape.report_due, shape.undetermined_at_most, shape.correlate, shape.auto_close,
      2 + shape.auto_close % 9, 5 + shape.auto_close,
      shape.first_per_hour, shape.stop_reminder ? ", stop_reminder: true" : "");
  text += fmt::format("inquiries: {{first_reply_within: {}m, remind_before: {}m}}\n",
                      shape.first_reply, shape.remind_reply);
  return text;
}

}  // namespace yagura::sim
