#include "record_api.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "api_parts.hpp"
#include "reader.hpp"
#include "text.hpp"
#include "view.hpp"

namespace yagura {

namespace {

namespace json = boost::json;

// Of a page, so that it stays small whatever stands in the rows.
constexpr std::size_t page_rows = 500;
// Users whose last page is remembered; beyond, a further page is a look of its own.
constexpr std::size_t most_paging = 1'000;

struct Wanted {
  Store::Query query;
  AccessLog::Details filters;
};

// Error: what is wrong with the query.
Result<Wanted> wanted_of(const WebRequest& request) {
  Wanted wanted;
  for (auto [key, at] : {std::pair{"since", &wanted.query.since}, std::pair{"until", &wanted.query.until}}) {
    auto given = request.query.find(key);
    if (given == request.query.end()) continue;
    auto parsed = parse_instant(given->second);
    if (!parsed) return failure_of(fmt::format("{}: {}", key, parsed.error().message));
    *at = *parsed;
    wanted.filters[key] = one_line(given->second, 100);
  }
  for (auto [key, text] : {std::pair{"who", &wanted.query.who}, std::pair{"what", &wanted.query.what}}) {
    auto given = request.query.find(key);
    if (given == request.query.end()) continue;
    if (given->second.empty() || given->second.size() > 200) return failure_of(fmt::format("{}: 1 to 200 bytes", key));
    *text = given->second;
    wanted.filters[key] = one_line(given->second, 200);
  }
  for (const char* key : {"after", "failure"}) {
    auto given = request.query.find(key);
    if (given == request.query.end()) continue;
    auto number = number_in(given->second, 0);
    if (!number) return failure_of(fmt::format("\"{}\" is a number", key));
    if (std::string_view(key) == "after") {
      wanted.query.after_id = *number;
    } else {
      wanted.query.failure = *number;
      wanted.filters[key] = given->second;
    }
  }
  return wanted;
}

}  // namespace

RecordApi::RecordApi(io::Runtime& runtime, Engine& engine, Store& store, AccessLog& access)
    : runtime_(runtime), engine_(engine), store_(store), access_(access),
      upkeep_(runtime, engine, store),
      file_(engine.configuration().state_folder + "/yagura.db") {}

RecordApi::~RecordApi() { *alive_ = false; }

void RecordApi::handle(const WebRequest& request, const Person* person, const Caller& caller, Answer answer) {
  const bool may = person == nullptr || person->roles.contains(Role::system_lead) || person->roles.contains(Role::auditor) ||
                   (request.peer && request.peer->uid == 0);
  if (!may) {
    return answer(refusal(403, "only the system lead, an auditor and root may read the record"));
  }
  if (request.method == "GET" && request.path == "/v1/record/verify") return verify(caller, std::move(answer));
  if (request.method == "GET" && (request.path == "/v1/record" || request.path == "/v1/record/raw")) {
    return rows(request, caller, std::move(answer));
  }
  if (request.method == "GET" && request.path == "/v1/record/archive") {
    auto until = request.query.find("until");
    access_.row_unless_often(caller, "record.read", {{"of", "months to archive"}}, engine_.now());
    return upkeep_.plan(until == request.query.end() ? "" : until->second, std::move(answer));
  }
  if (request.method == "POST" && request.path == "/v1/record/archive") {
    return upkeep_.archive(request.body, caller, std::move(answer));
  }
  if (request.method == "POST" && request.path == "/v1/record/erase") {
    if (person == nullptr || !person->roles.contains(Role::system_lead)) {
      return answer(refusal(403, "only the system lead erases a bank's personal data"));
    }
    access_.row(caller, "access.order", {{"order", "record erase"}});
    return upkeep_.erase(request.body, caller, std::move(answer));
  }
  answer(refusal(404, "there is nothing at " + one_line(request.path, 200)));
}

void RecordApi::rows(const WebRequest& request, const Caller& caller, Answer answer) {
  Result<Wanted> wanted = wanted_of(request);
  if (!wanted) return answer(refusal(400, wanted.error().message));
  const bool raw = request.path == "/v1/record/raw";
  wanted->query.without_states = !raw;
  wanted->query.limit = page_rows;
  // The next page of what is being read belongs to the look that was recorded with its first.
  auto paging = pages_.find(caller.bucket);
  const bool goes_on = wanted->query.after_id != 0 && paging != pages_.end() && paging->second == wanted->query.after_id;
  if (!goes_on) {
    AccessLog::Details details = wanted->filters;
    if (wanted->query.after_id != 0) details["after"] = std::to_string(wanted->query.after_id);
    access_.row_unless_often(caller, raw ? "record.exported" : "record.read", std::move(details), engine_.now());
  }
  auto last = std::make_shared<std::int64_t>(0);
  auto done = [this, last, bucket = caller.bucket, answer = std::move(answer)](WebResponse response) {
    if (pages_.size() >= most_paging) pages_.clear();
    pages_[bucket] = *last;
    answer(std::move(response));
  };
  struct Places {
    PlatformPtr platform;
    State none;
  };
  auto places = std::make_shared<Places>();
  places->platform = engine_.configuration().platform;
  answer_aside(
      [file = file_, query = wanted->query, raw, last, places, now = engine_.now()] {
        auto rows = RecordReader::open(file).and_then([&](RecordReader&& reader) { return reader.read(query); });
        if (!rows) return refusal(500, "the record cannot be read: " + rows.error().message);
        std::vector<RecordLine> lines;
        for (const RecordRow& row : *rows) lines.push_back(line_of(row, raw));
        if (!rows->empty()) *last = rows->back().id;
        return WebResponse{200, "application/json", record_json({*places->platform, places->none, now}, lines)};
      },
      std::move(done));
}

void RecordApi::verify(const Caller& caller, Answer answer) {
  access_.row_unless_often(caller, "record.verified", {}, engine_.now());
  // The row known to be durable, before the reader's view begins, so that it has to be in it.
  answer_aside(
      [file = file_, known = store_.head()] {
        auto mismatch =
            RecordReader::open(file).and_then([&](RecordReader&& reader) { return reader.verify(known); });
        if (!mismatch) return refusal(500, "the record cannot be read: " + mismatch.error().message);
        json::object object{{"intact", !*mismatch}};
        if (*mismatch) {
          object["row"] = (*mismatch)->row;
          object["why"] = (*mismatch)->why;
        }
        return WebResponse{200, "application/json", json::serialize(object) + "\n"};
      },
      std::move(answer));
}

void RecordApi::answer_aside(std::function<WebResponse()> work, Answer answer) {
  auto response = std::make_shared<WebResponse>();
  auto told = std::make_shared<Answer>(std::move(answer));
  auto started = runtime_.run_aside([response, work = std::move(work)] { *response = work(); },
                                    [response, told, alive = std::weak_ptr(alive_)] {
                                      if (auto still = alive.lock(); still && *still) (*told)(std::move(*response));
                                    });
  if (!started) (*told)(refusal(503, started.error().message));
}

}  // namespace yagura
