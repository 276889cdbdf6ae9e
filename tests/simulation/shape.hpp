// A platform made from a seed: what a configuration says, in a form that can be changed a little (a
// reload), cut down (a smaller platform), written as yagura.yaml, and judged by code of our own (is
// the window open, is it a business day).
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "instant.hpp"
#include "random.hpp"
#include "zone.hpp"

namespace yagura::sim {

struct Shape {
  struct Hours {
    int from = 600, until = 1020;  // minutes of the day
    std::vector<std::string> days{"business"};
  };
  struct Probe {
    std::string name;
    bool job = false;
    std::string impact = "down";
    int interval = 120, timeout = 10, retry = 10, confirm = 2, clear = 2;  // seconds
    std::string schedule;  // of a job: cron, or empty: `every`
    bool business_days = false;
    int every = 21600;
  };
  struct Component {
    std::string id;
    std::string owner;
    std::vector<std::string> depends_on;
    std::vector<Probe> probes;
    std::vector<std::string> response;  // steps, as YAML
  };
  struct Need {
    int at_least = 0;  // 0: the one that is named
    std::vector<std::string> of;
  };
  struct Service {
    std::string id;
    std::vector<Need> needs;
  };
  struct Person {
    std::string id, role;
  };
  struct Bank {
    std::string id;
    std::vector<std::string> mails;
    std::vector<std::string> services;
    std::map<std::string, std::string> only_for;  // of the mails: failures or stops; others: both
    std::set<std::string> mails_for(const std::string& what) const;
  };

  int version = 1;
  std::string zone = "Asia/Tokyo";
  Hours bank_mail, response_hours;
  bool japan = true;
  bool maintenance = true;
  Hours maintenance_hours;                  // on one day of the week
  std::vector<std::string> maintenance_of;  // empty: all services
  std::set<std::string> extra_holidays;
  std::vector<Person> people;
  std::vector<Bank> banks;
  std::vector<Service> services;
  std::vector<Component> components;
  std::vector<std::string> incident, major;  // steps, as YAML
  int undetermined_at_most = 15, correlate = 2, auto_close = 30, report_due = 60,
      remind = 30;  // minutes
  int parallel = 2, retry_first = 30, retry_most = 1800, attempt_timeout = 10;
  int first_per_hour = 5;
  bool stop_reminder = false;
  int first_reply = 120, remind_reply = 30;  // minutes, of the response hours

  const Component* component(const std::string& name) const;
  // Whether the service cannot be met where of the components and services these are down and all
  // others well.
  bool is_down(const std::string& service, const std::set<std::string>& down) const;
  // Of services, those that need the component, directly or not.
  std::set<std::string> services_needing(const std::string& component) const;
  bool is_business_day(Date date) const;
  // Day 0 is the date itself.
  Date business_days_before(Date date, int days) const;
  bool is_open(const Hours& hours, Instant at, const Zone& in) const;
  // When the hours have been open for `length` since `from`.
  Instant after_open(const Hours& hours, Instant from, Duration length, const Zone& in) const;
  // Open at `at`, and until at least `after` later.
  bool stays_open(const Hours& hours, Instant at, Duration after, const Zone& in) const;
};

// `size`: 0 is the smallest.
Shape make_shape(Random& random, int size);
// Another one that a reload may bring.
Shape change_shape(const Shape& shape, Random& random);
// What concerns planned stops only.
void vary_stops(Shape& shape, Random random);
void vary_inquiries(Shape& shape, Random random);
std::string yaml_of(const Shape& shape, const std::string& folder);

}  // namespace yagura::sim
