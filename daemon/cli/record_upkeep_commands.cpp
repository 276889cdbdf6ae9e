// `yagura record archive` and `yagura record erase`: what is taken out of the record, on an order.
#include <fmt/format.h>
#include <sys/stat.h>

#include <boost/json.hpp>
#include <iostream>

#include "archive.hpp"
#include "archive_file.hpp"
#include "ask.hpp"
#include "chain.hpp"
#include "commands.hpp"
#include "export.hpp"
#include "fields.hpp"
#include "new_file.hpp"
#include "record_row.hpp"
#include "text.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

int refused(const Terminal& terminal, const std::string& why) {
  complain(terminal, why);
  return exit_refused;
}

// Writes the rows of the month into the file, durably. Gives its SHA-256.
Result<std::string> write_month(const Arguments& given, const Terminal& terminal, const Zone& zone,
                                const ArchiveSpan& span, NewFile& file) {
  Sha256 digest;
  Instant at{};
  std::int64_t last = span.first - 1;
  Result<void> written;
  const int exit = each_page(given, terminal, "/v1/record/raw?", span.first - 1, [&](const Answered& page) {
    std::string bytes;
    for (const json::value& value : list(page.value)) {
      const RecordRow row = record_row_of(value);
      if (row.id > span.last) break;
      bytes += export_row(ExportFormat::jsonl, zone, row);
      last = row.id;
      at = row.at;
    }
    digest.add(bytes);
    if (written) written = file.append(bytes);
    return written && last < span.last;
  });
  if (exit != exit_done || last != span.last) return failure_of("the rows of the month could not all be read");
  const std::string end = archive_end_line(zone, span, at);
  digest.add(end);
  if (written) written = file.append(end);
  if (written) written = file.make_durable();
  if (!written) return tl::unexpected(written.error());
  return digest.hex();
}

// The archive of one month, under its name. One that an earlier attempt left is taken where it has the same bytes.
Result<std::string> make_archive(const Arguments& given, const Terminal& terminal, const Zone& zone,
                                 const ArchiveSpan& span, const std::string& file) {
  auto made = NewFile::beside(file);
  if (!made) return tl::unexpected(made.error());
  auto digest = write_month(given, terminal, zone, span, *made);
  if (!digest) return tl::unexpected(digest.error());
  struct stat status {};
  if (lstat(file.c_str(), &status) != 0) {
    if (auto named = made->name(file); !named) return tl::unexpected(named.error());
  }
  // Read through once more, as an auditor will.
  auto checked = check_archive(file);
  if (!checked) return tl::unexpected(checked.error());
  if (!checked->broken.empty()) return failure_of(fmt::format("{} does not fit: {}", file, checked->broken));
  if (checked->digest != *digest || !checked->whole) {
    return failure_of(file + " is there already, and holds something else: name another folder");
  }
  return *digest;
}

int archive_month(const Arguments& given, const Terminal& terminal, const Zone& zone, const json::value& month,
                  json::array& done) {
  const ArchiveSpan span{text(month, "month"), number(month, "first"), number(month, "last"),
                         text(month, "before"), text(month, "chain")};
  const std::string file = fmt::format("{}/record-{}-from-{}.jsonl", given.text("to"), span.month, span.first);
  auto digest = make_archive(given, terminal, zone, span, file);
  if (!digest) return refused(terminal, digest.error().message + "; nothing was removed from the record");
  const Answered removed = ask(given, terminal, "/v1/record/archive",
                               json::value(json::object{{"month", span.month},
                                                        {"first", span.first},
                                                        {"last", span.last},
                                                        {"file", file},
                                                        {"sha256", *digest}}));
  if (removed.exit != exit_done) return removed.exit;
  const std::int64_t rows = span.last - span.first + 1, kept = number(removed.value, "kept");
  done.push_back(json::object{{"month", span.month},
                              {"file", file},
                              {"sha256", *digest},
                              {"first", span.first},
                              {"last", span.last},
                              {"rows", rows},
                              {"kept", kept}});
  if (!given.json) {
    terminal.out << fmt::format("{}: {} rows, from {} to {}, are in {}\n  SHA-256 {}\n  and no longer in the record, but "
                                "for {} rows in all, of this and earlier months, that are still needed\n",
                                span.month, rows, span.first, span.last, one_line(file), *digest, kept);
  }
  return exit_done;
}

// Whether the name of the bank is typed.
bool is_confirmed(const Terminal& terminal, const std::string& bank) {
  terminal.err << fmt::format("All that names people at {} is erased from the record for good. Type the bank's name to go "
                              "on: ", one_line(bank)) << std::flush;
  std::string typed;
  std::getline(std::cin, typed);
  return typed == bank;
}

}  // namespace

int record_archive(const Arguments& given, const Terminal& terminal) {
  struct stat status {};
  if (stat(given.text("to").c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return refused(terminal, given.text("to") + " is no folder: make it first");
  }
  const std::string until = given.text("until");
  const Answered plan = ask(given, terminal, "/v1/record/archive?until=" + escaped(until));
  if (plan.exit != exit_done) return plan.exit;
  const Answered now = ask(given, terminal, "/v1/status");
  if (now.exit != exit_done) return now.exit;
  auto zone = Zone::named(text(now.value, "timezone"));
  if (!zone) return refused(terminal, zone.error().message);
  json::array done;
  for (const json::value& month : list(plan.value, "months")) {
    // What went stays gone; the rest is left for another time.
    if (int exit = archive_month(given, terminal, *zone, month, done); exit != exit_done) return exit;
  }
  if (given.json) {
    terminal.out << json::serialize(done) << "\n";
  } else if (done.empty()) {
    terminal.out << "No whole month is old enough to leave the record (`retention.record`).\n";
  }
  return exit_done;
}

int record_erase(const Arguments& given, const Terminal& terminal) {
  const std::string bank = given.text("bank");
  if (!given.has("yes") && !is_confirmed(terminal, bank)) {
    return refused(terminal, "not confirmed: nothing was erased");
  }
  const Answered erased = ask(given, terminal, "/v1/record/erase", json::value(json::object{{"bank", bank}}));
  if (erased.exit != exit_done) return erased.exit;
  if (given.json) {
    terminal.out << erased.body;
    return exit_done;
  }
  const json::value& said = erased.value;
  terminal.out << fmt::format(
      "Record of an erasure\n"
      "  bank:       {}\n"
      "  ordered by: {}\n"
      "  done at:    {}\n"
      "  emptied:    {} rows of the record, the mails of {} notices\n"
      "  kept:       number, time, kind and state of {} notices to the bank and {} inquiries of it, without names, "
      "addresses and texts\n"
      "  recorded:   row {} (record.erased), which names the rows\n",
      text(said, "bank"), text(said, "by"), text(said, "at"), number(said, "rows"), number(said, "mails"),
      number(said, "notices"), number(said, "inquiries"), number(said, "row"));
  if (number(said, "left") > 0) {
    terminal.out << fmt::format("  left:       {} rows that hold the present state and name somebody of the bank\n",
                                number(said, "left"));
  }
  terminal.out << "Backups, exports and archives made before still hold what was erased here.\n";
  return exit_done;
}

}  // namespace yagura::cli
