#include "access_log.hpp"

#include <fmt/format.h>

#include <limits>

namespace yagura {

namespace {

constexpr Duration folded_for = 1h;
constexpr Duration counted_for = 24h;
// Pairs of people and kinds; there are a dozen kinds. Beyond, all others are counted together.
constexpr std::size_t most_folds = 1'000;
// Of the things looked at that a row names.
constexpr std::size_t most_named = 20;
constexpr const char* refused_kind = "access.refused";

// The clock may have jumped back: what began in the future has its time behind it.
bool is_over(Instant since, Instant now, Duration time) { return now < since || now - since >= time; }

}  // namespace

Caller caller_of(const Peer& peer, const std::string& person) {
  return {person.empty() ? "unix:" + peer.user : person,
          fmt::format("uid {} ({}), pid {}", peer.uid, peer.user, peer.pid), peer.uid};
}

Caller caller_from(const std::string& address) {
  return {"http", address, std::numeric_limits<std::uint64_t>::max()};
}

void AccessLog::read(const Caller& caller, const std::string& kind, const std::string& which, Instant now) {
  fold(caller, kind, which, now, true);
}

void AccessLog::row(const Caller& caller, const std::string& what, Details details) {
  details["from"] = caller.from;
  note_(what, caller.who, details);
}

void AccessLog::row_unless_often(const Caller& caller, const std::string& what, Details details, Instant now) {
  if (rows_.take(caller.bucket, Allowance::Clock::now())) return row(caller, what, std::move(details));
  fold(caller, what, "", now, false);
}

void AccessLog::refused(const Caller& caller, const std::string& what_for, int status, Instant now) {
  if (!refusals_.take(caller.bucket, Allowance::Clock::now())) return fold(caller, refused_kind, "", now, false);
  row(caller, refused_kind, {{"path", what_for}, {"status", std::to_string(status)}});
}

void AccessLog::count(const std::string& kind, Instant now) {
  if (counts_.empty()) counts_since_ = now;
  ++counts_[kind];
}

void AccessLog::fold(const Caller& caller, const std::string& kind, const std::string& which, Instant now,
                     bool first_is_row) {
  Key key{caller.who, kind};
  if (folds_.size() >= most_folds && !folds_.contains(key)) {
    key.first = "others";
    first_is_row = false;
  }
  auto [at, fresh] = folds_.try_emplace(key);
  Fold& fold = at->second;
  if (fresh) fold.since = now;
  fold.from = caller.from;
  if (fresh && first_is_row) {
    Details details{{"kind", kind}, {"count", "1"}};
    if (!which.empty()) details["which"] = which;
    return row(caller, "access.read", std::move(details));
  }
  ++fold.count;
  if (!which.empty() && fold.which.size() < most_named) fold.which.insert(which);
}

void AccessLog::write(const Key& key, Fold& fold, Instant now) {
  const bool refused = key.second == refused_kind;
  Details details{{"count", std::to_string(fold.count)}, {"from", fold.from}, {"since", format_(fold.since)}};
  if (!refused) details["kind"] = key.second;
  for (const std::string& one : fold.which) details["which"] += (details["which"].empty() ? "" : ", ") + one;
  note_(refused ? refused_kind : "access.read", key.first, details);
  fold = Fold{now, 0, {}, {}};
}

void AccessLog::look(Instant now) {
  for (auto at = folds_.begin(); at != folds_.end();) {
    if (!is_over(at->second.since, now, folded_for)) {
      ++at;
    } else if (at->second.count == 0) {
      at = folds_.erase(at);  // its next look is a row at once
    } else {
      write(at->first, at->second, now);
      ++at;
    }
  }
  if (is_over(counts_since_, now, counted_for)) write_counts();
}

void AccessLog::write_counts() {
  if (counts_.empty()) return;
  Details details{{"since", format_(counts_since_)}};
  for (const auto& [kind, count] : counts_) details[kind] = std::to_string(count);
  counts_.clear();
  note_("access.counted", "daemon", details);
}

void AccessLog::end(Instant now) {
  for (auto& [key, fold] : folds_) {
    if (fold.count > 0) write(key, fold, now);
  }
  folds_.clear();
  write_counts();
}

}  // namespace yagura
