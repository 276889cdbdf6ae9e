#include "codec.hpp"

#include <doctest/doctest.h>

#include <boost/describe.hpp>
#include <boost/mp11.hpp>
#include <random>

using namespace yagura;

namespace {

// Fills any described value at random, every member of it, so that a member that a description
// forgot shows as a difference only if its type's comparison knows it: the defaulted ones all do.
class Filler {
 public:
  explicit Filler(std::uint64_t seed) : random_(seed) {}

  template <class T>
  T make() {
    T value{};
    fill(value);
    return value;
  }

 private:
  std::int64_t number(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random_);
  }
  void fill(bool& truth) { truth = number(0, 1) == 1; }
  void fill(int& value) { value = static_cast<int>(number(INT32_MIN, INT32_MAX)); }
  void fill(std::int64_t& value) { value = number(INT64_MIN, INT64_MAX); }
  void fill(Duration& duration) {
    duration = Duration{number(-1'000'000'000'000, 1'000'000'000'000)};
  }
  void fill(Instant& instant) { instant = Instant{Duration{number(0, 7'258'118'399'999)}}; }
  void fill(Role& role) { role = all_roles[static_cast<std::size_t>(number(0, 4))]; }
  void fill(std::string& text) {
    static const std::vector<std::string> pieces{"a",    "\"", "\\", "\n", "\x01",
                                                 "障害", "①",  "𠮷", " ",  "/"};
    text.clear();
    for (auto count = number(0, 12); count > 0; --count) {
      text +=
          pieces[static_cast<std::size_t>(number(0, static_cast<std::int64_t>(pieces.size()) - 1))];
    }
  }
  template <class T>
  void fill(std::optional<T>& optional) {
    optional.reset();
    if (number(0, 1) == 1) fill(optional.emplace());
  }
  template <class T>
  void fill(std::vector<T>& list) {
    list.resize(static_cast<std::size_t>(number(0, 3)));
    for (T& item : list)
      fill(item);
  }
  template <class T>
  void fill(std::set<T>& set) {
    for (auto count = number(0, 3); count > 0; --count)
      set.insert(make<T>());
  }
  template <class T>
  void fill(std::map<std::string, T>& map) {
    for (auto count = number(0, 3); count > 0; --count)
      fill(map[make<std::string>()]);
  }
  template <class T>
  void fill(T& value) {
    if constexpr (std::is_enum_v<T>) {
      std::vector<T> all;
      boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>(
          [&](auto enumerator) { all.push_back(enumerator.value); });
      value = all[static_cast<std::size_t>(number(0, static_cast<std::int64_t>(all.size()) - 1))];
    } else {
      boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>(
          [&](auto member) { fill(value.*member.pointer); });
    }
  }

  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("whatever is encoded is decoded to the same") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    Filler filler(seed);
    const auto failure = filler.make<Failure>();
    const auto notice = filler.make<Notice>();
    const auto component = filler.make<ComponentHealth>();
    const auto stop = filler.make<Stop>();
    const auto inquiry = filler.make<Inquiry>();
    const auto service = filler.make<ServiceStatus>();
    const auto core = filler.make<Core>();
    const auto job = filler.make<JobState>();
    REQUIRE(decode_failure(encode(failure)).value() == failure);
    REQUIRE(decode_notice(encode(notice)).value() == notice);
    REQUIRE(decode_component(encode(component)).value() == component);
    REQUIRE(decode_stop(encode(stop)).value() == stop);
    REQUIRE(decode_inquiry(encode(inquiry)).value() == inquiry);
    REQUIRE(decode_service(encode(service)).value() == service);
    REQUIRE(decode_core(encode(core)).value() == core);
    REQUIRE(decode_job(encode(job)).value() == job);
    REQUIRE(encode(decode_failure(encode(failure)).value()) == encode(failure));
  }
}

TEST_CASE("what a probe keeps stands where a job's state does, and neither is taken for the other") {
  const std::string kept = "{\"position\":\"1 2\",\"last\":\"\\\"\xE6\x97\xA5\"}";
  const std::string text = encode_kept(kept);
  CHECK(decode_kept(text) == kept);
  CHECK(decode_job(text).value() == JobState{});  // by an earlier release
  JobState job;
  job.reason = "kept";
  CHECK(!decode_kept(encode(job)));
  for (const char* other : {"", "{}", "[]", "{\"kept\":1}", "{\"kept\":"}) CHECK(!decode_kept(other));
}

TEST_CASE("the text is what an auditor can read") {
  Core core;
  core.last_failure = 3;
  core.bundle_from["ap-ops"] = parse_instant("2026-12-28T16:58:30.250+09:00").value();
  CHECK(encode(core).starts_with(
      R"({"last_failure":3,"bundle_from":{"ap-ops":"2026-12-28T07:58:30.250Z"})"));

  Failure failure;
  failure.classification = FailureClass::major;
  failure.class_rule = ClassRule::no_step_left;
  failure.owner = Role::infra_ops;
  failure.down_before = 90s;
  const std::string text = encode(failure);
  CHECK(text.find(R"("classification":"major")") != std::string::npos);
  CHECK(text.find(R"("class_rule":"no_step_left")") != std::string::npos);
  CHECK(text.find(R"("owner":"infra-ops")") != std::string::npos);
  CHECK(text.find(R"("down_before":90000)") != std::string::npos);
  CHECK(text.find(R"("closing":"open")") != std::string::npos);
  for (const char* nothing_said : {"recovered_at", "joined_into", "settled", "incident_chain"})
    CHECK(text.find(nothing_said) == std::string::npos);
}

TEST_CASE(
    "records of other versions: what is missing has its default, what is unknown is passed over") {
  CHECK(decode_notice("{}").value() == Notice{});
  const auto notice =
      decode_notice(R"({"id": 7, "kind": "bank_first", "colour": {"of": "later"}})");
  REQUIRE(notice.has_value());
  CHECK(notice->id == 7);
  CHECK(notice->kind == NoticeKind::bank_first);
  CHECK_FALSE(notice->sent_at.has_value());
  CHECK(decode_failure(R"({"recovered_at": null})").value() == Failure{});
}

TEST_CASE("what does not fit is refused with its place") {
  const auto message = [](const auto& result) {
    return result.has_value() ? std::string("accepted") : result.error().message;
  };
  CHECK(message(decode_failure(R"({"steps": [{"step": 1}, {"step": "two"}]})")) ==
        "the record of a failure cannot be read: `steps[1].step` must be a whole number in range");
  CHECK(message(decode_failure(R"({"classification": "grave"})")) ==
        "the record of a failure cannot be read: `classification` must be a name that this version "
        "knows");
  CHECK(message(decode_core(R"({"bundle_from": {"ap-ops": 5}})")) ==
        "the record of the core cannot be read: `bundle_from.ap-ops` must be a time such as "
        "2026-12-28T07:58:00.000Z");
  CHECK(message(decode_notice(R"({"attempts": 5000000000})")).find("`attempts`") !=
        std::string::npos);
  CHECK(message(decode_job("[]")) != "accepted");
  CHECK(message(decode_job("{\"reason\": \"cut")).starts_with("the record of a job is not JSON"));
  CHECK(message(decode_component(std::string(10'000, '['))) != "accepted");
}

TEST_CASE(
    "bytes that are no UTF-8 are replaced when written, so that the record can be read back") {
  Failure failure;
  failure.title = "bad \xff byte";
  const auto back = decode_failure(encode(failure));
  REQUIRE(back.has_value());
  CHECK(back->title == "bad \xEF\xBF\xBD byte");
}
