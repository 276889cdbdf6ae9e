#include "codec.hpp"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <boost/mp11.hpp>
#include <concepts>
#include <iterator>
#include <type_traits>
#include <utility>

#include "text.hpp"
#include "zone.hpp"

namespace yagura {

namespace {

namespace json = boost::json;
namespace describe = boost::describe;

template <class T>
concept Described = describe::has_describe_members<T>::value;
template <class T>
concept Named = std::is_enum_v<T> && describe::has_describe_enumerators<T>::value;
template <class T>
concept Number = std::integral<T> && !std::same_as<T, bool>;
template <class T>
concept List = requires(T list) {
  typename T::value_type;
  list.insert(list.end(), typename T::value_type{});
}
&&!requires {
  typename T::mapped_type;
}
&&!std::same_as<T, std::string>;
template <class T>
using MembersOf = describe::describe_members<T, describe::mod_public | describe::mod_inherited>;

// Where a value stands, for messages: "steps[2].started". Steps are undone in the order of the
// reading.
class Where {
 public:
  class Step {
   public:
    Step(Where& where, const std::string& name) : where_(where), length_(where.path_.size()) {
      where_.path_ += (length_ == 0 || name.starts_with('[') ? "" : ".") + name;
    }
    ~Step() { where_.path_.resize(length_); }
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    Where& where_;
    std::size_t length_;
  };
  // Always false, so that a reader can end with it.
  bool fail(std::string_view wanted) {
    if (problem_.empty()) problem_ = fmt::format("`{}` must be {}", one_line(path_, 200), wanted);
    return false;
  }
  const std::string& problem() const { return problem_; }

 private:
  std::string path_;
  std::string problem_;
};

// ---- Writing ----
// Straight into the text: a storm of failures writes tens of thousands of rows.

// A text that stands in JSON as it is, if it is UTF-8.
bool is_plain(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
  });
}

template <Number T>
void write(T number, std::string& into) {
  into += fmt::format_int(static_cast<std::int64_t>(number)).c_str();
}
void write(bool truth, std::string& into) {
  into += truth ? "true" : "false";
}
// Bytes that are no UTF-8 could not be read back: they are replaced before they stand in the
// record.
void write(const std::string& text, std::string& into) {
  if (!is_utf8(text)) {
    into += json::serialize(json::string(many_lines(text, text.size() * 6)));
  } else if (is_plain(text)) {
    into += '"';
    into += text;
    into += '"';
  } else {
    into += json::serialize(json::string(text));
  }
}
void write(Duration duration, std::string& into) {
  write(duration.count(), into);
}
void write(Instant instant, std::string& into) {
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::hh_mm_ss clock{instant - day};
  fmt::format_to(std::back_inserter(into), FMT_COMPILE("\"{}T{:02}:{:02}:{:02}.{:03}Z\""),
                 format_date(Date{day.time_since_epoch()}), clock.hours().count(),
                 clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}
void write(Role role, std::string& into) {
  write(std::string(name_of(role)), into);
}
template <Named T>
void write(T name, std::string& into) {
  into += '"';
  into += describe::enum_to_string(name, "unknown");
  into += '"';
}
template <class T>
void write(const std::optional<T>& value, std::string& into);
template <List T>
void write(const T& list, std::string& into);
template <class T>
void write(const std::map<std::string, T>& map, std::string& into);
template <Described T>
void write(const T& structure, std::string& into);

// What stands between two brackets, with commas between.
class Row {
 public:
  Row(std::string& into, char open, char close) : into_(into), close_(close) { into_ += open; }
  ~Row() { into_ += close_; }
  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;
  std::string& next() {
    if (!std::exchange(first_, false)) into_ += ',';
    return into_;
  }

 private:
  std::string& into_;
  char close_;
  bool first_ = true;
};

template <class T>
void write(const std::optional<T>& value, std::string& into) {
  if (value) {
    write(*value, into);
  } else {
    into += "null";
  }
}
template <List T>
void write(const T& list, std::string& into) {
  Row row(into, '[', ']');
  for (const auto& item : list)
    write(item, row.next());
}
template <class T>
void write(const std::map<std::string, T>& map, std::string& into) {
  Row row(into, '{', '}');
  for (const auto& [key, item] : map) {
    write(key, row.next());
    into += ':';
    write(item, into);
  }
}

template <class T>
bool is_empty(const T& value) {
  if constexpr (requires { value.empty(); }) {
    return value.empty();
  } else if constexpr (requires { value.has_value(); }) {
    return !value.has_value();
  } else {
    return false;
  }
}
template <Described T>
void write_without(const T& structure, std::string_view left_out, std::string& into) {
  static const T defaults{};
  Row row(into, '{', '}');
  boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) {
    const auto& value = structure.*member.pointer;
    // A name is always said: whoever reads `closing: open` need not know what a new failure is.
    constexpr bool is_name = std::is_enum_v<std::remove_cvref_t<decltype(value)>>;
    if (is_empty(value) || left_out == member.name || (!is_name && value == defaults.*member.pointer)) return;
    row.next() += '"';
    into += member.name;
    into += "\":";
    write(value, into);
  });
}
template <Described T>
void write(const T& structure, std::string& into) {
  write_without(structure, "", into);
}

// ---- Reading ----

template <Number T>
bool read(const json::value& value, T& number, Where& where) {
  const std::int64_t* given = value.if_int64();
  if (given == nullptr || !std::in_range<T>(*given)) return where.fail("a whole number in range");
  number = static_cast<T>(*given);
  return true;
}
bool read(const json::value& value, bool& truth, Where& where) {
  if (!value.is_bool()) return where.fail("true or false");
  truth = value.get_bool();
  return true;
}
bool read(const json::value& value, std::string& text, Where& where) {
  if (!value.is_string()) return where.fail("a text");
  text = std::string(value.get_string());
  return true;
}
bool read(const json::value& value, Duration& duration, Where& where) {
  if (!value.is_int64()) return where.fail("whole milliseconds");
  duration = Duration{value.get_int64()};
  return true;
}
bool read(const json::value& value, Instant& instant, Where& where) {
  auto parsed =
      value.is_string() ? parse_instant(std::string_view(value.get_string())) : failure_of("");
  if (!parsed) return where.fail("a time such as 2026-12-28T07:58:00.000Z");
  instant = *parsed;
  return true;
}
bool read(const json::value& value, Role& role, Where& where) {
  auto named = value.is_string() ? role_named(std::string_view(value.get_string())) : std::nullopt;
  if (!named) return where.fail("the name of a role");
  role = *named;
  return true;
}
template <Named T>
bool read(const json::value& value, T& name, Where& where) {
  const std::string text = value.is_string() ? std::string(value.get_string()) : std::string();
  return describe::enum_from_string(text.c_str(), name) ||
         where.fail("a name that this version knows");
}
template <class T>
bool read(const json::value& value, std::optional<T>& optional, Where& where);
template <List T>
bool read(const json::value& value, T& list, Where& where);
template <class T>
bool read(const json::value& value, std::map<std::string, T>& map, Where& where);
template <Described T>
bool read(const json::value& value, T& structure, Where& where);

template <class T>
bool read(const json::value& value, std::optional<T>& optional, Where& where) {
  optional.reset();
  return value.is_null() || read(value, optional.emplace(), where);
}
template <List T>
bool read(const json::value& value, T& list, Where& where) {
  if (!value.is_array()) return where.fail("a list");
  list.clear();
  for (const json::value& item : value.get_array()) {
    const Where::Step step(where, fmt::format("[{}]", list.size()));
    typename T::value_type read_item{};
    if (!read(item, read_item, where)) return false;
    list.insert(list.end(), std::move(read_item));
  }
  return true;
}
template <class T>
bool read(const json::value& value, std::map<std::string, T>& map, Where& where) {
  if (!value.is_object()) return where.fail("an object");
  map.clear();
  for (const auto& item : value.get_object()) {
    const std::string key(item.key());
    const Where::Step step(where, key);
    if (!read(item.value(), map[key], where)) return false;
  }
  return true;
}
template <Described T>
bool read(const json::value& value, T& structure, Where& where) {
  if (!value.is_object()) return where.fail("an object");
  bool good = true;
  boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) {
    const json::value* found = value.get_object().if_contains(member.name);
    if (!good || found == nullptr) return;
    const Where::Step step(where, member.name);
    good = read(*found, structure.*member.pointer, where);
  });
  return good;
}

template <class T>
Result<T> decode(std::string_view text, std::string_view what) {
  json::error_code error;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error)
    return failure_of(fmt::format("the record of {} is not JSON: {}", what, error.message()));
  T result;
  Where where;
  if (!read(value, result, where)) {
    return failure_of(fmt::format("the record of {} cannot be read: {}", what, where.problem()));
  }
  return result;
}

// Rows may wait long for a disk: a copy is no larger than its text.
template <class Write>
std::string text_by(const Write& write_into) {
  thread_local std::string text;
  text.clear();
  write_into(text);
  return text;
}
template <Described T>
std::string text_of(const T& value, std::string_view left_out = "") {
  return text_by([&](std::string& text) { write_without(value, left_out, text); });
}

}  // namespace

std::string encode(const Failure& failure) {
  return text_of(failure);
}
std::string encode_without_members(const Failure& failure) {
  return text_of(failure, "members");
}
std::string encode(const MemberRow& member) {
  return text_of(member);
}
std::string encode(const Notice& notice) {
  return text_of(notice);
}
std::string encode(const ComponentHealth& component) {
  return text_of(component);
}
std::string encode(const Stop& stop) {
  return text_of(stop);
}
std::string encode(const Inquiry& inquiry) {
  return text_of(inquiry);
}
std::string encode(const ServiceStatus& service) {
  return text_of(service);
}
std::string encode(const Core& core) {
  return text_of(core);
}
std::string encode(const JobState& job) {
  return text_of(job);
}
std::string encode(const AlarmState& alarm) {
  return text_of(alarm);
}
std::string encode(const std::map<std::string, std::string>& details) {
  return text_by([&](std::string& text) { write(details, text); });
}

Result<Failure> decode_failure(std::string_view text) {
  return decode<Failure>(text, "a failure");
}
Result<MemberRow> decode_member(std::string_view text) {
  return decode<MemberRow>(text, "a component of a failure");
}
Result<Notice> decode_notice(std::string_view text) {
  return decode<Notice>(text, "a notice");
}
Result<ComponentHealth> decode_component(std::string_view text) {
  return decode<ComponentHealth>(text, "a component");
}
Result<Stop> decode_stop(std::string_view text) {
  return decode<Stop>(text, "a stop");
}
Result<Inquiry> decode_inquiry(std::string_view text) {
  return decode<Inquiry>(text, "an inquiry");
}
Result<ServiceStatus> decode_service(std::string_view text) {
  return decode<ServiceStatus>(text, "a service");
}
Result<Core> decode_core(std::string_view text) {
  return decode<Core>(text, "the core");
}
Result<JobState> decode_job(std::string_view text) {
  return decode<JobState>(text, "a job");
}
Result<AlarmState> decode_alarm(std::string_view text) {
  return decode<AlarmState>(text, "an alarm");
}

std::string encode_kept(const std::string& kept) {
  return json::serialize(json::object{{"kept", kept}});
}

std::optional<std::string> decode_kept(std::string_view text) {
  json::error_code error;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  const json::value* kept = error || !value.is_object() ? nullptr : value.get_object().if_contains("kept");
  if (kept == nullptr || !kept->is_string()) return std::nullopt;
  return std::string(kept->get_string().data(), kept->get_string().size());
}

}  // namespace yagura
