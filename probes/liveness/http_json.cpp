#include "http_json.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include <boost/json.hpp>
#include <charconv>

#include "text.hpp"

namespace yagura {
namespace {

namespace json = boost::json;

constexpr std::size_t most_steps = 32;
constexpr std::size_t deepest = 32;
constexpr std::size_t most_wanted = 16;

tl::unexpected<Error> no_path() {
  return failure_of(
      "is no path: write names with dots between, [0] for the first item of a list, and [\"a.b\"] "
      "for a name with dots in it, as in checks[0].state");
}

// The step within brackets, of which the first was taken.
Result<JsonStep> take_bracket(std::string_view& rest) {
  if (rest.starts_with('"')) {
    auto end = rest.find("\"]", 1);
    if (end == rest.npos) return no_path();
    JsonStep step{std::string(rest.substr(1, end - 1))};
    rest.remove_prefix(end + 2);
    return step;
  }
  std::size_t number = 0;
  auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc{}) return no_path();
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  if (!rest.starts_with(']')) return no_path();
  rest.remove_prefix(1);
  return JsonStep{number};
}

const json::value* value_at(const json::value& root, const std::vector<JsonStep>& steps) {
  const json::value* at = &root;
  for (const JsonStep& step : steps) {
    const json::value* next = nullptr;
    if (const auto* name = std::get_if<std::string>(&step)) {
      const json::object* object = at->if_object();
      if (object != nullptr) next = object->if_contains(*name);
    } else if (const json::array* list = at->if_array()) {
      const std::size_t number = std::get<std::size_t>(step);
      if (number < list->size()) next = &(*list)[number];
    }
    if (next == nullptr) return nullptr;
    at = next;
  }
  return at;
}

std::optional<double> number_of(const json::value& value) {
  if (const auto* whole = value.if_int64()) return static_cast<double>(*whole);
  if (const auto* whole = value.if_uint64()) return static_cast<double>(*whole);
  if (const auto* real = value.if_double()) return *real;
  return std::nullopt;
}

// As `equals` and `matches` see it; nothing for a list or an object.
std::optional<std::string> text_of(const json::value& value) {
  if (const auto* text = value.if_string()) return std::string(text->data(), text->size());
  if (value.is_structured()) return std::nullopt;
  return json::serialize(value);
}

std::optional<double> number_in(std::string_view text) {
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_equal(const json::value& value, const std::string& wanted, bool wanted_text) {
  if (value.is_string() || wanted_text) return value.is_string() && text_of(value) == wanted;
  const auto number = number_of(value);
  const auto wanted_number = number_in(wanted);
  if (number && wanted_number) return *number == *wanted_number;
  return text_of(value) == wanted;
}

// For reasons.
std::string shown(const json::value& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  if (value.is_string()) return fmt::format("'{}'", one_line(*text_of(value), 80));
  return one_line(*text_of(value), 80);
}

Judgement failing(std::string reason) {
  return {Verdict::failing, std::move(reason)};
}

const std::vector<Measure>& measures(bool high_is_bad) {
  static const std::vector<Measure> high{{Quantity::number, true, "the value", ">= 100"}};
  static const std::vector<Measure> low{{Quantity::number, false, "the value", "< 10"}};
  return high_is_bad ? high : low;
}

bool has_levels(const Node& node) {
  return node.find("failing") != nullptr || node.find("warning") != nullptr ||
         node.find("clear_at") != nullptr;
}

}  // namespace

Result<std::vector<JsonStep>> parse_json_path(std::string_view text) {
  std::vector<JsonStep> steps;
  std::string_view rest = text;
  if (rest.empty()) return no_path();
  while (!rest.empty()) {
    if (steps.size() == most_steps)
      return failure_of(fmt::format("has more than {} steps", most_steps));
    if (rest.starts_with('[')) {
      rest.remove_prefix(1);
      auto step = take_bracket(rest);
      if (!step) return tl::unexpected(std::move(step.error()));
      steps.push_back(*std::move(step));
    } else {
      if (!steps.empty()) {
        if (!rest.starts_with('.')) return no_path();
        rest.remove_prefix(1);
      }
      const std::string_view name = rest.substr(0, rest.find_first_of(".["));
      if (name.empty() || name.find_first_of("]\"") != name.npos) return no_path();
      steps.emplace_back(std::string(name));
      rest.remove_prefix(name.size());
    }
  }
  return steps;
}

std::optional<JsonExpectations::Wanted> JsonExpectations::read_one(const Node& node,
                                                                   Problems& problems) {
  const std::size_t before = problems.size();
  Reader reader(node, problems, "expect.json");
  if (!node.is_map()) return std::nullopt;
  Wanted wanted;
  reader.required("path");
  if (auto path = reader.text("path")) {
    wanted.path = one_line(*path, 100);
    auto steps = parse_json_path(*path);
    if (steps) {
      wanted.steps = *std::move(steps);
    } else {
      reader.problem(*reader.find("path"), fmt::format("`path` {}", steps.error().message));
    }
  }
  wanted.equals = reader.text("equals");
  if (wanted.equals) wanted.equals_text = reader.find("equals")->quoted;
  if (auto pattern = reader.text("matches")) {
    RE2::Options options;
    options.set_log_errors(false);
    auto matches = std::make_shared<const RE2>(*pattern, options);
    if (!matches->ok()) {
      reader.problem(*reader.find("matches"), fmt::format("`matches` is no regular expression: {}",
                                                          one_line(matches->error(), 200)));
    }
    wanted.matches = std::move(matches);
  }
  for (std::string_view key : {"failing", "warning", "clear_at"})
    reader.find(key);
  if (has_levels(node)) {
    if (auto levels = Threshold::read(reader, measures(!levels_look_down(node)), "", ""))
      wanted.levels = std::make_unique<const Threshold>(*std::move(levels));
  }
  if (int{wanted.equals.has_value()} + int{wanted.matches != nullptr} + int{has_levels(node)} > 1) {
    reader.problem(
        "expect.json has `equals`, `matches`, or levels: write one of them, and the "
        "others as a further item of the list");
  }
  reader.finish();
  if (problems.size() != before) return std::nullopt;
  return wanted;
}

void JsonExpectations::read(Reader& expect) {
  const Node* node = expect.find("json");
  if (node == nullptr) return;
  if (node->is_list() && (node->items.empty() || node->items.size() > most_wanted)) {
    return expect.problem(
        *node, fmt::format("`json` must be a mapping with a `path`, or a list of 1 to {} such",
                           most_wanted));
  }
  const auto take = [&](const Node& one) {
    if (auto wanted = read_one(one, expect.problems())) wanted_.push_back(*std::move(wanted));
  };
  if (!node->is_list()) return take(*node);
  for (const Node& item : node->items)
    take(item);
}

Judgement JsonExpectations::judge(std::string_view body, bool was_failing) {
  json::parse_options options;
  options.max_depth = deepest;
  json::error_code error;
  json::monotonic_resource memory;
  const json::value root = json::parse({body.data(), body.size()}, error, &memory, options);
  if (error == json::error::too_deep)
    return failing(fmt::format("the body's JSON is nested deeper than {}", deepest));
  if (error) return failing(fmt::format("the body is no JSON: {}", one_line(error.message(), 80)));

  std::optional<Judgement> all;
  const auto add = [&](Judgement one) {
    all = all ? both(*std::move(all), std::move(one)) : std::move(one);
  };
  for (Wanted& wanted : wanted_) {
    const bool hold = wanted.high.may_hold(was_failing);
    const json::value* value = value_at(root, wanted.steps);
    if (value == nullptr) {
      add(failing(fmt::format("the body's JSON has nothing at {}", wanted.path)));
    } else if (wanted.levels) {
      const auto number = number_of(*value);
      if (!number) {
        add(failing(fmt::format("{} is {}, not a number", wanted.path, shown(*value))));
        continue;
      }
      Judgement judgement = wanted.levels->judge(
          {{Quantity::number, *number, fmt::format("{} is {}", wanted.path, shown(*value))}}, hold);
      wanted.high.judged(judgement.verdict);
      add(std::move(judgement));
    } else if (wanted.equals && !is_equal(*value, *wanted.equals, wanted.equals_text)) {
      add(failing(fmt::format("{} is {}, expected {}", wanted.path, shown(*value),
                              one_line(*wanted.equals, 80))));
    } else if (wanted.matches) {
      const auto text = text_of(*value);
      if (!text || !RE2::PartialMatch(*text, *wanted.matches)) {
        add(failing(fmt::format("{} is {}, which does not match '{}'", wanted.path, shown(*value),
                                one_line(wanted.matches->pattern(), 80))));
      }
    }
  }
  return all.value_or(Judgement{});
}

}  // namespace yagura
