#include <doctest/doctest.h>

#include <fmt/format.h>

#include "codec.hpp"
#include "world.hpp"

namespace yagura {

using test::EngineWorld;
using test::Folder;

namespace {

const Instant noon{Duration{1'800'000'000'000}};

RecordEntry state(std::string what, std::string subject, FailureId failure, std::string payload) {
  RecordEntry entry;
  entry.at = noon;
  entry.what = std::move(what);
  entry.subject = std::move(subject);
  entry.failure = failure;
  entry.who = "daemon";
  entry.payload = std::move(payload);
  return entry;
}

RecordEntry member(FailureId failure, const ComponentName& name, std::optional<Instant> since) {
  return state("state.member", "member:" + std::to_string(failure) + ":" + name, failure, encode(MemberRow{name, since}));
}

Kept kept_of(std::vector<RecordEntry> entries) {
  Folder folder;
  auto store = Store::open(folder.path);
  REQUIRE(store.has_value());
  Transaction transaction;
  transaction.entries = std::move(entries);
  (*store)->append(std::move(transaction), [] {});
  REQUIRE((*store)->flush(10s));
  Result<Kept> kept = read_kept(**store);
  REQUIRE(kept.has_value());
  return std::move(*kept);
}

}  // namespace

TEST_CASE("a failure's components are read from rows of their own, before or after the failure's") {
  Failure failure;
  failure.id = 7;
  failure.title = "zone-a";
  failure.members = {{"a", noon}, {"b", noon + 1s}};
  const Kept kept = kept_of({member(7, "a", noon), member(7, "gone", noon), member(7, "gone", {}),
                             state("state.failure", "failure:7", 7, encode_without_members(failure)),
                             member(7, "b", noon + 1s)});
  CHECK(kept.state.failures.at(7) == failure);
  CHECK(kept.members_unrecorded.empty());
}

TEST_CASE("the components that an earlier release wrote into the failure's row stay, and come to have rows") {
  Failure failure;
  failure.id = 7;
  failure.members = {{"a", noon}, {"b", noon}, {"left", noon}};
  const Kept kept =
      kept_of({state("state.failure", "failure:7", 7, encode(failure)), member(7, "b", noon), member(7, "left", {})});
  CHECK(kept.state.failures.at(7).members == std::map<ComponentName, Instant>{{"a", noon}, {"b", noon}});
  CHECK(kept.members_unrecorded == std::set<std::pair<FailureId, ComponentName>>{{7, "a"}});
}

TEST_CASE("an inquiry that had to make room is not there after a restart either") {
  EngineWorld world;
  for (int i = 1; i <= 502; ++i) {
    MailCame mail;
    mail.spooled = fmt::format("mail-{}", i);
    mail.from_address = fmt::format("{}@elsewhere.example", i);
    mail.subject = mail.text = "x";
    world.engine.receive(std::move(mail));
  }
  REQUIRE(world.store->flush(10s));
  const Result<Kept> kept = read_kept(*world.store);
  REQUIRE(kept.has_value());
  CHECK(kept->state.inquiries.size() == 500);
  CHECK(kept->state.inquiries == world.engine.state().inquiries);
}

}  // namespace yagura
