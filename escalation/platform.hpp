// The platform as the decision code sees it: what is watched, who is told, by which rules. Made
// from the configuration, already checked (daemon/config), immutable; a reload makes a new one.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "calendar.hpp"
#include "instant.hpp"
#include "window.hpp"
#include "zone.hpp"

namespace yagura {

// Identifiers are the names of the configuration.
using ComponentName = std::string;
using ServiceName = std::string;
using BankName = std::string;
using PersonName = std::string;

enum class Role { system_lead, ap_ops, infra_ops, inquiry_desk, auditor };
constexpr std::array<Role, 5> all_roles{Role::system_lead, Role::ap_ops, Role::infra_ops,
                                        Role::inquiry_desk, Role::auditor};
// "system-lead", as in the configuration and in X-Yagura-Audience.
std::string_view name_of(Role role);
std::optional<Role> role_named(std::string_view name);

struct Person {
  PersonName id;
  std::string name;
  std::string mail;
  std::set<Role> roles;
  std::string unix_user;  // empty: cannot act by the command line
  std::set<std::string> command_for;  // the kinds of notices that this person's command is run for as well: "major.declared"
};

struct Contact {
  std::string name;
  std::string mail;
  bool for_failures = true;
  bool for_stops = true;
};

struct Bank {
  BankName id;
  std::string name;
  std::vector<Contact> contacts;
  std::set<ServiceName> services;  // `all` is resolved to the names
};

// A component, a service, or `at_least` of several needs.
struct Need {
  enum class Kind { component, service, at_least } kind = Kind::component;
  std::string name;
  int at_least = 0;
  std::vector<Need> of;
};

struct Service {
  ServiceName id;
  std::string name;
  std::vector<Need> needs;
};

enum class Family { liveness, resource, job, security };
enum class Impact { down, degraded };

struct ProbeSpec {
  std::string name;
  std::string kind;
  Family family = Family::liveness;
  Impact impact = Impact::down;
  Duration interval = 1min;
  Duration timeout = 10s;
  Duration retry = 10s;
  int confirm = 1;  // 1 for job probes
  int clear = 1;
  Duration sustain{0};  // and failing for so long, before it turns
  bool remote = false;  // goes over the network: where this machine is cut off, it says nothing of its target
  bool is_job() const { return family == Family::job; }
};

struct ResponseStep {
  bool manual = false;
  std::vector<std::string> run;  // automatic: program and arguments
  std::string text;              // manual: what to do
  Duration limit = 1min;         // `timeout` of an automatic, `within` of a manual step
};

struct Component {
  ComponentName id;
  Role owner = Role::ap_ops;
  std::vector<ComponentName> depends_on;  // and what it needs_outside
  bool provider = false;  // lies outside the platform: a cloud's region, a resolver, a way out (M6)
  std::vector<ProbeSpec> probes;
  std::vector<ResponseStep> primary_response;
  const ProbeSpec* probe(std::string_view name) const;
};

// To whom: the owner of the failure, a role, or the affected banks.
struct Audience {
  enum class Kind { owner, role, banks } kind = Kind::owner;
  Role role = Role::system_lead;
};

struct ChainStep {
  std::vector<Audience> to;
  Duration after{0};
  bool unless_acknowledged = false;
  std::optional<std::string> window;  // name of a window
};

// A failure that recovers and relapses again and again: a recovery and a relapse are a turn each.
struct Flapping {
  int turns = 10;         // at least so many
  Duration within = 1h;   // in this time; held open then until all is well for as long
};

struct Escalation {
  std::vector<ChainStep> detected;
  std::vector<ChainStep> incident;
  std::vector<ChainStep> major;
  std::vector<ChainStep> security;      // takes effect with security probes
  std::optional<Duration> remind_every = 30min;
  Duration report_due = 1h;
  Duration undetermined_at_most = 15min;
  Duration correlate = 2min;
  Duration auto_close = 30min;
  std::optional<Flapping> flapping = Flapping{};
  Duration blind_after = 15min;         // a probe unknown for this long: monitoring.blind
};

struct Maintenance {
  std::string name;
  Window window;                   // with its `except` dates
  bool all_services = true;
  std::set<ServiceName> services;  // where not all
};

// Who of a role is mailed: a week each, in turn (F7). escalation/duty.hpp says who it is.
struct Roster {
  Role role = Role::ap_ops;
  std::vector<PersonName> rotation;       // at least one; each has the role
  Date since{};                           // the day on which the first one's first week begins
  std::chrono::minutes handover{0};       // the hour of that weekday at which the duty is handed over
  std::optional<Duration> escalate_within;  // not acknowledged for this long: the others of the role are mailed, too
};

struct BankNotices {
  bool approval = false;       // each waits for the system lead's release (approval: system-lead)
  int first_per_hour = 5;
  bool stop_reminder = false;  // of planned stops, the business day before
};

struct Inquiries {
  Duration first_reply_within = 2h;  // counted while response_hours is open
  Duration remind_before = 30min;    // the same; 0: no reminder
  int per_sender_per_hour = 20;      // further mails of one sender are set aside
};

// What the outbox's rules need to know of the mail transport.
struct MailPolicy {
  std::string from_domain = "localhost";  // right-hand side of Message-IDs
  Duration attempt_timeout = 10s;         // longest that one attempt may take
  Duration retry_first = 30s;
  Duration retry_most = 30min;
  int parallel = 2;
};

struct Platform {
  Zone zone;
  Calendar calendar;
  std::map<std::string, Window> windows;  // at least bank_mail and response_hours
  std::vector<Maintenance> maintenance;
  std::map<PersonName, Person> people;
  std::map<BankName, Bank> banks;
  std::map<ServiceName, Service> services;
  std::map<ComponentName, Component> components;
  std::set<ComponentName> self_check;  // whose probes tell whether this machine is cut off; may be empty
  Escalation escalation;
  BankNotices bank_notices;
  std::map<Role, Roster> duty;  // of a role without one everybody is mailed
  MailPolicy mail;
  Inquiries inquiries;

  Window::Context context() const { return {zone, calendar}; }
  const Window& window(const std::string& name) const { return windows.at(name); }
  std::vector<const Person*> people_with(Role role) const;
  const Person* person_of_unix_user(std::string_view user) const;
};
using PlatformPtr = std::shared_ptr<const Platform>;

}  // namespace yagura
