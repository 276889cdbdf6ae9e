#include "resource/cloudwatch_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "text.hpp"

namespace yagura {
namespace {

namespace json = boost::json;

constexpr std::size_t deepest = 16;
constexpr std::size_t longest_token = 64 * 1024;
constexpr double latest_time = 1e11;  // seconds

std::int64_t seconds_of(Instant at) {
  return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

std::string_view text_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string_view{} : std::string_view{text->data(), text->size()};
}

// Nothing where the key is absent; an error where it is no list.
Result<const json::array*> list_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || value->is_null()) return nullptr;
  const json::array* list = value->if_array();
  if (list == nullptr) return failure_of(fmt::format("cannot be understood: {} is no list", key));
  return list;
}

std::optional<double> number_of(const json::value& value) {
  if (const auto* whole = value.if_int64()) return static_cast<double>(*whole);
  if (const auto* whole = value.if_uint64()) return static_cast<double>(*whole);
  if (const auto* real = value.if_double(); real != nullptr && std::isfinite(*real)) return *real;
  return std::nullopt;
}

// The number of the metric that "m7" stands for.
std::optional<std::size_t> number_in(std::string_view id, std::size_t below) {
  std::size_t number = 0;
  if (!id.starts_with('m') || id.size() < 2) return std::nullopt;
  auto [end, error] = std::from_chars(id.data() + 1, id.data() + id.size(), number);
  if (error != std::errc{} || end != id.data() + id.size() || number >= below) return std::nullopt;
  return number;
}

std::optional<MetricPart::Status> status_of(std::string_view word) {
  if (word == "Complete") return MetricPart::Status::complete;
  if (word == "PartialData") return MetricPart::Status::partial;
  if (word == "InternalError") return MetricPart::Status::internal_error;
  if (word == "Forbidden") return MetricPart::Status::forbidden;
  return std::nullopt;
}

// "Code: Value; …" of a list of messages.
std::string messages_in(const json::array* list) {
  std::string words;
  if (list == nullptr) return words;
  for (const json::value& item : *list) {
    const json::object* message = item.if_object();
    if (message == nullptr || words.size() > 200) continue;
    words +=
        fmt::format("{}{}: {}", words.empty() ? "" : "; ", one_line(text_at(*message, "Code"), 60),
                    one_line(text_at(*message, "Value"), 200));
  }
  return one_line(words, 200);
}

Result<MetricPart> read_part(const json::object& result, MetricSpan span) {
  const std::string_view id = text_at(result, "Id");
  const auto wrong = [&](std::string_view what) {
    return failure_of(
        fmt::format("cannot be understood: the result {} has {}", one_line(id, 40), what));
  };
  auto times = list_at(result, "Timestamps");
  auto values = list_at(result, "Values");
  auto messages = list_at(result, "Messages");
  for (const auto* list : {&times, &values, &messages}) {
    if (!*list) return failure_of(list->error().message);
  }
  MetricPart part;
  const auto status = status_of(text_at(result, "StatusCode"));
  if (!status) {
    return wrong(fmt::format("the status '{}'", one_line(text_at(result, "StatusCode"), 40)));
  }
  part.status = *status;
  part.message = messages_in(*messages);
  const std::size_t count = *times == nullptr ? 0 : (*times)->size();
  if (count != (*values == nullptr ? 0 : (*values)->size()))
    return wrong("as many times as values no more");
  for (std::size_t index = 0; index < count; ++index) {
    const auto seconds = number_of((**times)[index]);
    const auto value = number_of((**values)[index]);
    if (!seconds || *seconds < 0 || *seconds > latest_time) return wrong("a time that is none");
    if (!value) return wrong("a value that is no number");
    const Instant at{Duration(static_cast<std::int64_t>(std::llround(*seconds * 1000)))};
    if (at < span.from || at >= span.to) continue;
    ++part.points;
    if (!part.newest || at > part.newest->at) part.newest = MetricPoint{at, *value};
  }
  return part;
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

AwsRefusal::Kind kind_of(int status, std::string_view code) {
  // "ThrottlingException" and "Throttling" are one: services differ in it.
  if (code.ends_with("Exception")) code.remove_suffix(9);
  if (is_one_of(code, {"Throttling", "Throttled", "RequestLimitExceeded", "LimitExceeded",
                       "TooManyRequests", "RequestThrottled", "SlowDown"})) {
    return AwsRefusal::Kind::later;
  }
  if (is_one_of(code,
                {"ExpiredToken", "InvalidClientTokenId", "UnrecognizedClient", "InvalidAccessKeyId",
                 "InvalidSignature", "SignatureDoesNotMatch", "IncompleteSignature",
                 "MissingAuthenticationToken", "AuthFailure", "AccessDenied", "NotAuthorized",
                 "UnauthorizedOperation", "RequestExpired"})) {
    return AwsRefusal::Kind::credentials;
  }
  if (is_one_of(code,
                {"ValidationError", "Validation", "InvalidParameterValue",
                 "InvalidParameterCombination", "MissingRequiredParameter", "MissingParameter"})) {
    return AwsRefusal::Kind::wrong_request;
  }
  if (status == 413) return AwsRefusal::Kind::wrong_request;
  if (status == 429 || status >= 500) return AwsRefusal::Kind::later;
  if (status == 401 || status == 403) return AwsRefusal::Kind::credentials;
  return AwsRefusal::Kind::other;
}

// The whole body as an object.
std::optional<json::object> object_in(std::string_view body, std::string& why) {
  json::parse_options options;
  options.max_depth = deepest;
  json::error_code error;
  json::value root = json::parse({body.data(), body.size()}, error, {}, options);
  if (error) {
    why = error.message();
    return std::nullopt;
  }
  if (!root.is_object()) {
    why = "no object";
    return std::nullopt;
  }
  return std::move(root.get_object());
}

}  // namespace

std::string CloudWatchMetric::words() const {
  std::string of;
  for (const auto& [key, value] : dimensions)
    of += fmt::format("{}{} {}", of.empty() ? " (" : ", ", key, value);
  return one_line(fmt::format("{} of {} {}{}{}", statistic, space, name, of, of.empty() ? "" : ")"),
                  250);
}

bool is_statistic(std::string_view word) {
  if (is_one_of(word, {"Average", "Sum", "Minimum", "Maximum", "SampleCount"})) return true;
  if (!word.starts_with('p') || word.size() < 2 || word.size() > 8) return false;
  const std::string_view digits = word.substr(1);
  const auto point = digits.find('.');
  const auto all_digits = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (!all_digits(digits.substr(0, point))) return false;
  if (point != digits.npos &&
      (!all_digits(digits.substr(point + 1)) || digits.size() - point - 1 > 3)) {
    return false;
  }
  double percentile = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), percentile);
  return percentile <= 100;
}

MetricSpan span_of(const CloudWatchMetric& metric, Instant now) {
  const Duration until = now.time_since_epoch() - metric.delay;
  const Instant to{until / metric.period * metric.period};
  const auto periods = (metric.lookback + metric.period - Duration(1)) / metric.period;
  return {to - periods * metric.period, to};
}

std::string metric_request(const std::vector<CloudWatchMetric>& metrics, MetricSpan span,
                           const std::string& next_token) {
  json::array queries;
  for (const CloudWatchMetric& metric : metrics) {
    json::array dimensions;
    for (const auto& [name, value] : metric.dimensions)
      dimensions.push_back({{"Name", name}, {"Value", value}});
    json::object stat{
        {"Metric", json::object{{"Namespace", metric.space},
                                {"MetricName", metric.name},
                                {"Dimensions", std::move(dimensions)}}},
        {"Period", std::chrono::duration_cast<std::chrono::seconds>(metric.period).count()},
        {"Stat", metric.statistic}};
    queries.push_back(json::object{{"Id", fmt::format("m{}", queries.size())},
                                   {"MetricStat", std::move(stat)},
                                   {"ReturnData", true}});
  }
  json::object request{{"MetricDataQueries", std::move(queries)},
                       {"StartTime", seconds_of(span.from)},
                       {"EndTime", seconds_of(span.to)},
                       {"ScanBy", "TimestampDescending"}};
  if (!next_token.empty()) request["NextToken"] = next_token;
  return json::serialize(request);
}

void MetricPart::add(MetricPart later) {
  if (later.status == Status::none) return;
  // A failure on any page is one of the whole; else the last page knows whether there is more.
  if (status != Status::internal_error && status != Status::forbidden) status = later.status;
  if (later.newest && (!newest || later.newest->at > newest->at)) newest = later.newest;
  points += later.points;
  if (!later.message.empty()) message = std::move(later.message);
}

Result<MetricPage> parse_metric_page(std::string_view body, std::size_t metrics, MetricSpan span) {
  std::string why;
  const auto root = object_in(body, why);
  if (!root) return failure_of(fmt::format("is no JSON of CloudWatch: {}", one_line(why, 80)));
  const auto results = list_at(*root, "MetricDataResults");
  if (!results) return failure_of(results.error().message);
  if (*results == nullptr)
    return failure_of("is no JSON of CloudWatch: it has no MetricDataResults");
  MetricPage page;
  page.parts.resize(metrics);
  for (const json::value& item : **results) {
    const json::object* result = item.if_object();
    const auto number =
        result == nullptr ? std::nullopt : number_in(text_at(*result, "Id"), metrics);
    if (!number)
      return failure_of("cannot be understood: it has a result of what was not asked for");
    auto part = read_part(*result, span);
    if (!part) return failure_of(part.error().message);
    page.parts[*number].add(*std::move(part));
  }
  page.next_token = std::string(text_at(*root, "NextToken"));
  if (page.next_token.size() > longest_token)
    return failure_of("cannot be understood: its NextToken is longer than 64 KiB");
  return page;
}

AwsRefusal parse_refusal(int status, std::string_view body) {
  std::string why;
  std::string code, message;
  if (const auto root = object_in(body, why)) {
    code = std::string(text_at(*root, "__type"));
    if (const auto sharp = code.rfind('#'); sharp != code.npos) code.erase(0, sharp + 1);
    message = std::string(text_at(*root, "message"));
    if (message.empty()) message = std::string(text_at(*root, "Message"));
  }
  AwsRefusal refusal{kind_of(status, code), {}};
  if (code.empty()) {
    refusal.words = fmt::format("status {}", status);
  } else {
    refusal.words = one_line(code, 80);
  }
  if (!message.empty()) refusal.words += ": " + one_line(message, 210);
  return refusal;
}

}  // namespace yagura
