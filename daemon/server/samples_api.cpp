#include "samples_api.hpp"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "api_parts.hpp"
#include "history.hpp"
#include "sample_file.hpp"
#include "text.hpp"
#include "view.hpp"

namespace yagura {

namespace {

// Of the helper threads, which probes want as well.
constexpr int most_reading = 4;
// What the table of a person or a chart holds.
constexpr Duration longest_history = 24h * 1'000;
constexpr Duration usual_history = 24h;

std::string text_in(const WebRequest& request, const char* key) {
  auto found = request.query.find(key);
  return found == request.query.end() ? std::string() : found->second;
}

// An instant, or a duration before now.
Result<Instant> time_in(const WebRequest& request, const char* key, Instant now,
                        Instant otherwise) {
  const std::string text = text_in(request, key);
  if (text.empty()) return otherwise;
  if (auto ago = parse_duration(text)) return now - *ago;
  auto at = parse_instant(text);
  if (at) return *at;
  return failure_of(fmt::format(
      "{}: write how long ago, such as 24h or 30d, or a time such as 2026-12-28T16:58:00+09:00",
      key));
}

struct Question {
  std::string folder;
  SampleQuery query;
  Zone zone;
  History history;
  std::vector<std::pair<std::string, NamedTally>> now;  // of the span under way, by probe
  Instant span{};                                       // when that began
  bool is_known = false;                                // the configuration has the component
};

WebResponse too_long() {
  return refusal(
      400,
      "that is more than one answer holds: ask for one probe (COMPONENT/PROBE), or for less time");
}

WebResponse answer_to(Question& question) {
  bool is_full = false;
  const auto add = [&](Instant from, const std::string& probe, const NamedTally& tally) {
    is_full = is_full || !question.history.add(from, probe, tally);
    return !is_full;
  };
  auto read = read_spans(question.folder, question.query,
                         [&](Instant from, const ProbeId& id, const NamedTally& tally) {
                           return add(from, id.probe, tally);
                         });
  if (!read) return refusal(500, "the samples cannot be read: " + read.error().message);
  for (const auto& [probe, tally] : question.now)
    add(question.span, probe, tally);
  if (is_full) return too_long();
  if (question.history.probes.empty() && !question.is_known) {
    return refusal(404, fmt::format("there is no {}{}{}, nor anything kept of it",
                                    one_line(question.query.component, 200),
                                    question.query.probe.empty() ? "" : "/",
                                    one_line(question.query.probe, 200)));
  }
  return fine(samples_json(question.zone, question.query.component, question.history));
}

}  // namespace

void SamplesApi::handle(const WebRequest& request, Answer answer) {
  const Instant now = engine_.now();
  const std::string component = text_in(request, "component"), probe = text_in(request, "probe");
  if (component.empty()) return answer(refusal(400, "say which component"));
  auto until = time_in(request, "until", now, now);
  if (!until) return answer(refusal(400, until.error().message));
  auto since = time_in(request, "since", now, *until - usual_history);
  if (!since) return answer(refusal(400, since.error().message));
  if (*since >= *until || *since < Instant{})
    return answer(refusal(400, "since: has to be before until, and after 1970"));
  if (*until - *since > longest_history)
    return answer(refusal(400, "that is longer than 1,000 days: ask for less time"));
  if (reading_ >= most_reading) {
    return answer(refusal(503, "others are reading samples: ask again in a moment"));
  }
  const Zone& zone = engine_.platform().zone;
  auto question = std::make_shared<Question>(Question{engine_.configuration().state_folder,
                                                      {component, probe, {}, *until},
                                                      zone,
                                                      History(*since, *until, now, zone),
                                                      {},
                                                      engine_.samples().from(),
                                                      false});
  question->query.since = question->history.since;
  auto known = engine_.platform().components.find(component);
  if (known != engine_.platform().components.end()) {
    for (const ProbeSpec& spec : known->second.probes) {
      if (!probe.empty() && spec.name != probe) continue;
      question->is_known = true;
      if (question->span < question->query.since || question->span >= *until) continue;
      if (auto tally = engine_.samples().so_far({component, spec.name})) {
        question->now.emplace_back(spec.name, std::move(*tally));
      }
    }
    question->is_known = question->is_known || probe.empty();
  }
  auto response = std::make_shared<WebResponse>();
  auto told = std::make_shared<Answer>(std::move(answer));
  auto started = runtime_.run_aside([response, question] { *response = answer_to(*question); },
                                    [this, response, told, alive = std::weak_ptr(alive_)] {
                                      auto still = alive.lock();
                                      if (!still || !*still) return;
                                      --reading_;
                                      (*told)(std::move(*response));
                                    });
  if (!started) return (*told)(refusal(503, started.error().message));
  ++reading_;
}

}  // namespace yagura
