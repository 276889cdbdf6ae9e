// Probes of the kind alarm, and who is let in to say how they are.
#include <doctest/doctest.h>

#include "written.hpp"

using namespace yagura;

namespace {

const std::string listen = "listen: {http: 127.0.0.1:9640}";

std::vector<std::string> sections(const std::string& keys, const std::string& incoming = "") {
  std::vector<std::string> all{"services:\n  site: {name: サイト, needs: [web]}",
                               "components:\n  web:\n    owner: ap-ops\n    probes:\n      - {kind: alarm, " + keys + "}", listen};
  if (!incoming.empty()) all.push_back(incoming);
  return all;
}
std::vector<std::string> with_senders(const std::string& keys) {
  return sections(keys, "incoming: {alertmanager: {token_file: /etc/yagura/a}, event: {token_file: b}, "
                        "sns: {token_file: c, topics: \"arn:aws:sns:ap-northeast-1:123456789012:alarms\"}}");
}
std::string said(const std::string& keys) { return said_at_mark(with_senders(keys)); }

}  // namespace

TEST_CASE("an alarm is read with its defaults: judged at once, and no reason to call a component down") {
  WrittenFolder folder;
  auto loaded = load_configuration(
      folder.write("c.yaml", with(with_senders("source: alertmanager, match: {alertname: DiskFull}"))), december());
  REQUIRE(folder.problems(loaded) == "");
  const ProbeSpec& spec = loaded.configuration->platform->components.at("web").probes.at(0);
  CHECK(spec.name == "alarm");
  CHECK(spec.confirm == 1);
  CHECK(spec.clear == 1);
  CHECK(spec.interval == 30s);
  CHECK(spec.impact == Impact::degraded);
  CHECK(!spec.is_job());
  CHECK(!spec.remote);
  const auto made = loaded.configuration->probes.at({"web", "alarm"}).make();
  REQUIRE(made->alarm() != nullptr);
  CHECK(made->alarm()->spec().stale_after == 5h);
  CHECK(made->alarm()->spec().firing_is == Verdict::failing);
  CHECK(loaded.configuration->incoming.at(AlarmSource::alertmanager).token_file == "/etc/yagura/a");
  CHECK(loaded.configuration->incoming.at(AlarmSource::event).token_file == folder.path() + "/b");
  CHECK(loaded.configuration->incoming.at(AlarmSource::sns).topics.size() == 1);
}

TEST_CASE("the keys of an alarm") {
  CHECK(said("source: alertmanager, match: {a: b}, interval: «30s") ==
        "an alarm is judged as it arrives, and by each word at once: remove `interval`");
  CHECK(said_of(with(with_senders("source: event, match: {key: [a, b]}, stale_after: 26h"))) == "");
  CHECK(said("source: «pager, match: {a: b}") == "`source` must be alertmanager, event or sns");
  CHECK(said("source: event, match: «{host: a}") == "an event is known by its `key`: write {key: backup-of-web-1}");
  CHECK(said("source: alertmanager, match: «{}").starts_with("`match` must be a mapping of 1 to 16 labels"));
  CHECK(said("source: alertmanager, match: {a: «{b: c}}") == "`a` must be a text, or a list of the texts that it may be");
  CHECK(said("source: alertmanager, match: {a: «[]}") == "`a` must have 1 to 100 values");
  CHECK(said("source: sns, match: {«alarms: a}").starts_with("an alarm of CloudWatch has no `alarms`: it is matched by `alarm`, "));
  CHECK(said("source: event, match: {key: a}, firing_is: «ok") == "an event says itself what it is: remove `firing_is`");
  CHECK(said("source: event, match: {key: a}, warning_when: «{x: y}") ==
        "an event says itself what it is: remove `warning_when`");
  CHECK(said("source: alertmanager, match: {a: b}, firing_is: «down") == "`firing_is` must be failing, warning or ok");
  CHECK(said("source: alertmanager, match: {a: b}, firing_is: warning, warning_when: «{c: d}").starts_with("`warning_when` says"));
  CHECK(said("source: event, match: {key: a}, stale_after: «5s") == "`stale_after` must be from 1m to 400d, or none");
  CHECK(said_of(with(with_senders("source: alertmanager, match: {a: b}, firing_is: ok, stale_after: none")))
            .find("needs a `stale_after`") != std::string::npos);
}

TEST_CASE("who is let in has a token in a file, over a listener that is there") {
  CHECK(said_at_mark({listen, "incoming: {event: {token: «abc}}"}).starts_with("a token in the configuration is read by all"));
  CHECK(said_at_mark({listen, "incoming: {event: «{}}"}).find("`token_file`") != std::string::npos);
  CHECK(said_at_mark({listen, "incoming: {«pager: {token_file: a}}"}).starts_with("unknown key `pager` in incoming"));
  CHECK(said_at_mark({listen, "incoming: {sns: «{token_file: a}}"}).find("`topics`") != std::string::npos);
  CHECK(said_at_mark({listen, "incoming: {sns: {token_file: a, topics: «alarms}}"}).starts_with("`alarms` is no topic"));
  CHECK(said_at_mark({"listen: {control: /tmp/c}", "«incoming: {event: {token_file: a}}"}).starts_with("`incoming` is taken over HTTP"));
}

TEST_CASE("an alarm that nobody can report is warned of") {
  CHECK(said_at_mark(sections("source: «event, match: {key: a}")) ==
        "warning: nothing is taken from event: write incoming: {event: {token_file: PATH}}");
}
