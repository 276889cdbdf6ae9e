#include "codec.hpp"

#include <fmt/format.h>

#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <boost/mp11.hpp>
#include <concepts>
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

template <Number T>
json::value write(T number) {
  return static_cast<std::int64_t>(number);
}
json::value write(bool truth) {
  return truth;
}
// Bytes that are no UTF-8 could not be read back: they are replaced before they stand in the
// record.
json::value write(const std::string& text) {
  return is_utf8(text) ? json::string(text) : json::string(many_lines(text, text.size() * 6));
}
json::value write(Duration duration) {
  return duration.count();
}
json::value write(Instant instant) {
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::hh_mm_ss clock{instant - day};
  return json::string(fmt::format("{}T{:02}:{:02}:{:02}.{:03}Z",
                                  format_date(Date{day.time_since_epoch()}), clock.hours().count(),
                                  clock.minutes().count(), clock.seconds().count(),
                                  clock.subseconds().count()));
}
json::value write(Role role) {
  return json::string(name_of(role));
}
template <Named T>
json::value write(T name) {
  return json::string(describe::enum_to_string(name, "unknown"));
}
template <class T>
json::value write(const std::optional<T>& value);
template <List T>
json::value write(const T& list);
template <class T>
json::value write(const std::map<std::string, T>& map);
template <Described T>
json::value write(const T& structure);

template <class T>
json::value write(const std::optional<T>& value) {
  return value ? write(*value) : json::value(nullptr);
}
template <List T>
json::value write(const T& list) {
  json::array array;
  for (const auto& item : list)
    array.push_back(write(item));
  return array;
}
template <class T>
json::value write(const std::map<std::string, T>& map) {
  json::object object;
  for (const auto& [key, item] : map) {
    json::value name = write(key);
    object[name.get_string()] = write(item);
  }
  return object;
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
json::value write_without(const T& structure, std::string_view left_out) {
  json::object object;
  boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) {
    const auto& value = structure.*member.pointer;
    if (!is_empty(value) && left_out != member.name) object[member.name] = write(value);
  });
  return object;
}
template <Described T>
json::value write(const T& structure) {
  return write_without(structure, "");
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

template <class T>
std::string text_of(const T& value) {
  return json::serialize(write(value));
}

}  // namespace

std::string encode(const Failure& failure) {
  return text_of(failure);
}
std::string encode_without_members(const Failure& failure) {
  return json::serialize(write_without(failure, "members"));
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
std::string encode(const Core& core) {
  return text_of(core);
}
std::string encode(const JobState& job) {
  return text_of(job);
}
std::string encode(const AlarmState& alarm) {
  return text_of(alarm);
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
