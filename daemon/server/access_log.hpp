// Who looked at what, and who was refused (R1): rows of the record, few enough that nobody can fill the disk by asking. The
// first look of a person at a kind of thing is a row at once; further ones are counted, and the count is a row after an hour.
// Refusals are rows, ten at once and then one a minute of each user, and counted beyond. What programs ask for without end
// (/healthz, /metrics, pings of jobs) is only counted, a row a day. Counts that are not written yet are lost with the process
// when it is killed. Owned by the daemon; writes through what it is given. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "allowance.hpp"
#include "instant.hpp"
#include "web_server.hpp"

namespace yagura {

// Who calls, and from where.
struct Caller {
  std::string who;   // the person's id; "unix:NAME" for others; "http"
  std::string from;  // "uid 1000 (sato), pid 4711", "127.0.0.1:50112"
  std::uint64_t bucket = 0;  // whose allowance it is: the uid, or all of HTTP
};
// `person`: the id of one of the people, or empty.
Caller caller_of(const Peer& peer, const std::string& person);
Caller caller_from(const std::string& address);

class AccessLog {
 public:
  using Details = std::map<std::string, std::string>;
  using Note = std::function<void(const std::string& what, const std::string& who, const Details& details)>;
  using Format = std::function<std::string(Instant)>;
  AccessLog(Note note, Format format) : note_(std::move(note)), format_(std::move(format)) {}

  // A look at something of this kind ("status", "failure"), of which it may name one ("12").
  void read(const Caller& caller, const std::string& kind, const std::string& which, Instant now);
  // What is a row each time: orders, looks at the record, exports. row_unless_often: of each user sixty at once and then one a
  // minute; beyond they are counted as reads of that kind.
  void row(const Caller& caller, const std::string& what, Details details);
  void row_unless_often(const Caller& caller, const std::string& what, Details details, Instant now);
  void refused(const Caller& caller, const std::string& what_for, int status, Instant now);
  // "healthz", "metrics", "ping": counted.
  void count(const std::string& kind, Instant now);

  // To be called now and then: writes the counts whose time has come.
  void look(Instant now);
  // Writes all counts: the daemon ends.
  void end(Instant now);

 private:
  struct Fold {
    Instant since{};
    std::uint64_t count = 0;  // since the last row
    std::string from;         // of the last
    std::set<std::string> which;
  };
  using Key = std::pair<std::string, std::string>;  // who, kind
  void fold(const Caller& caller, const std::string& kind, const std::string& which, Instant now, bool first_is_row);
  void write(const Key& key, Fold& fold, Instant now);
  void write_counts();

  Note note_;
  Format format_;
  std::map<Key, Fold> folds_;
  std::map<std::string, std::uint64_t> counts_;
  Instant counts_since_{};
  Allowance refusals_{10, 1.0 / 60};
  Allowance rows_{60, 1.0 / 60};
};

}  // namespace yagura
