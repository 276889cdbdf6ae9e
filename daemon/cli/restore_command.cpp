// `yagura restore`: puts a backup, or a new record, where the daemon's record is, with the daemon
// stopped; and says what is not known any more.
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <vector>

#include "backup.hpp"
#include "codec.hpp"
#include "commands.hpp"
#include "configuration.hpp"
#include "sheet.hpp"
#include "text.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

constexpr const char* default_configuration = "/etc/yagura/yagura.yaml";

// What of a backup concerns people now.
struct Contents {
  std::vector<Failure> open;
  std::vector<Notice> unsent;
};

// What cannot be read here the daemon could not read either, and would not start.
Result<Contents> contents_of(RecordReader& reader) {
  Contents contents;
  std::string wrong;
  const auto note = [&wrong](const RecordRow& row, const Error& error) {
    if (wrong.empty()) {
      wrong = fmt::format("row {} of the backup ({}) cannot be read: {}; nothing was changed",
                          row.id, one_line(row.subject, 200), error.message);
    }
  };
  auto read = reader.last_states([&](const RecordRow& row) {
    if (row.what == "state.failure") {
      auto failure = decode_failure(row.payload);
      if (!failure) return note(row, failure.error());
      if (failure->is_open()) contents.open.push_back(std::move(*failure));
    } else if (row.what == "state.notice") {
      auto notice = decode_notice(row.payload);
      if (!notice) return note(row, notice.error());
      if (notice->is_unsent()) contents.unsent.push_back(std::move(*notice));
    }
  });
  if (!read) return tl::unexpected(read.error());
  if (!wrong.empty()) return failure_of(wrong);
  const auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
  std::sort(contents.open.begin(), contents.open.end(), by_id);
  std::sort(contents.unsent.begin(), contents.unsent.end(), by_id);
  return contents;
}

std::string caller() {
  const passwd* user = getpwuid(getuid());
  return user != nullptr ? fmt::format("unix:{}", user->pw_name) : fmt::format("uid:{}", getuid());
}

json::object as_json(const Replacement& wanted, const Replaced& done, const Contents& contents,
                     const Zone& zone) {
  json::array open, unsent;
  for (const Failure& failure : contents.open)
    open.emplace_back(failure.id);
  for (const Notice& notice : contents.unsent) {
    unsent.push_back({{"id", notice.id},
                      {"kind", name_of(notice.kind)},
                      {"audience", notice.audience},
                      {"failure", notice.failure},
                      {"state", notice.state == NoticeState::held ? "held" : "due"},
                      {"not_before", zone.format(notice.not_before)},
                      {"attempts", notice.attempts},
                      {"message_id", notice.message_id}});
  }
  json::object all{{"state", wanted.folder},
                   {"restored", nullptr},
                   {"set_aside", nullptr},
                   {"rows", done.copy.head.id},
                   {"last_at", nullptr},
                   {"open_failures", std::move(open)},
                   {"unsent_notices", std::move(unsent)}};
  if (!wanted.source.empty()) all["restored"] = wanted.source;
  if (!done.set_aside.empty()) all["set_aside"] = done.set_aside;
  if (done.copy.last_at) all["last_at"] = zone.format(*done.copy.last_at);
  return all;
}

std::string as_text(const Replacement& wanted, const Replaced& done, const Contents& contents,
                    const Zone& zone, const Screen& screen) {
  Sheet sheet(screen);
  if (wanted.source.empty()) {
    sheet.line(fmt::format("A new record is begun in {}. It knows of no failure and of no notice.",
                           one_line(wanted.folder)));
  } else {
    sheet.line(
        fmt::format("{} is the record in {} now: {} rows, the last of {}. What happened after "
                    "it is not known any more.",
                    one_line(wanted.source), one_line(wanted.folder), done.copy.head.id,
                    done.copy.last_at ? zone.format(*done.copy.last_at) : "no time"));
  }
  if (!done.set_aside.empty()) {
    sheet.line(
        fmt::format("The record that was there was set aside as {}.", one_line(done.set_aside)));
  }
  if (done.copy.broken) {
    sheet.line(fmt::format("Its chain is broken at row {}: {}.", done.copy.broken->row,
                           one_line(done.copy.broken->why)));
  }
  std::vector<Row> rows;
  for (const Failure& failure : contents.open) {
    rows.push_back({{fmt::format("#{}", failure.id), one_line(failure.title),
                     failure.acknowledged ? "acknowledged by " + one_line(failure.acknowledged->by)
                                          : "not acknowledged"},
                    ""});
  }
  if (!rows.empty()) {
    sheet.heading("Open failures");
    sheet.rows(rows);
  }
  rows.clear();
  for (const Notice& notice : contents.unsent) {
    rows.push_back({{fmt::format("{}", notice.id), name_of(notice.kind), one_line(notice.audience),
                     notice.failure == 0 ? "" : fmt::format("#{}", notice.failure),
                     "not before " + zone.format(notice.not_before)},
                    ""});
  }
  if (!rows.empty()) {
    sheet.heading(
        "Notices that were still to go when the backup was made",
        "They go when the daemon starts, or when their window opens. Those that went out "
        "after the backup was made go once more: with the same Message-ID, so that a reader "
        "can tell. To keep one back, hold it before it is due: `yagura notice hold ID`.");
    sheet.rows(rows);
  }
  sheet.blank();
  sheet.line("Start the daemon now: `systemctl start yagurad`.");
  return sheet.take();
}

}  // namespace

int restore(const Arguments& given, const Terminal& terminal) {
  const std::string file = given.text("FILE");
  if (file.empty() != given.has("new-record")) {
    return wrong_usage(given, terminal, "name a backup, or --new-record, and not both");
  }
  auto place = state_place_of(given.config.empty() ? default_configuration : given.config);
  if (!place) {
    complain(terminal, place.error().message);
    return exit_usage;
  }
  Contents contents;
  Replacement wanted;
  wanted.folder = place->folder;
  if (!file.empty()) wanted.source = std::filesystem::absolute(file).lexically_normal().string();
  wanted.who = caller();
  wanted.now = terminal.screen.now;
  wanted.broken_chain = given.has("broken-chain");
  wanted.look = [&contents](RecordReader& reader) -> Result<void> {
    auto read = contents_of(reader);
    if (!read) return tl::unexpected(read.error());
    contents = std::move(*read);
    return {};
  };
  auto done = replace_record(wanted);
  if (!done) {
    complain(terminal, done.error().message);
    return exit_refused;
  }
  if (given.json) {
    terminal.out << json::serialize(as_json(wanted, *done, contents, place->zone)) << "\n";
  } else {
    terminal.out << as_text(wanted, *done, contents, place->zone, terminal.screen);
  }
  return exit_done;
}

}  // namespace yagura::cli
