// `yagura backup`: fetches a copy of the record from the daemon, writes it with the caller's own
// rights, and reads it through before it gets its name.
#include "backup.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <boost/json.hpp>

#include "ask.hpp"
#include "commands.hpp"
#include "fields.hpp"
#include "new_file.hpp"
#include "text.hpp"

namespace yagura::cli {
namespace {

namespace json = boost::json;

// Fetches the daemon's copy, piece by piece.
Result<void> fetch(const Client& client, const std::string& id, std::int64_t bytes, NewFile& into) {
  for (std::int64_t from = 0; from < bytes;) {
    auto piece = client.get(fmt::format("/v1/backup/{}?from={}", escaped(id), from));
    if (!piece) return tl::unexpected(piece.error());
    if (piece->status != 200 || piece->body.empty()) {
      const auto answer = read_json(piece->body);
      const std::string why = answer ? long_text(*answer, "error") : "";
      return failure_of(why.empty() ? "the daemon's copy breaks off" : why);
    }
    from += static_cast<std::int64_t>(piece->body.size());
    if (auto written = into.append(piece->body); !written) return written;
  }
  return into.make_durable();
}

int refused(const Terminal& terminal, const std::string& why) {
  complain(terminal, why);
  return exit_refused;
}

}  // namespace

int backup(const Arguments& given, const Terminal& terminal) {
  const std::string file = given.text("FILE");
  struct stat status {};
  if (lstat(file.c_str(), &status) == 0) {
    return refused(terminal,
                   file + " is there already: a backup never overwrites; name another file");
  }
  // Before the daemon has to work.
  auto made_file = NewFile::beside(file);
  if (!made_file) return refused(terminal, made_file.error().message);

  const Answered made = ask(given, terminal, "/v1/backup", json::value(json::object()));
  if (made.exit != exit_done) return made.exit;
  auto client = client_for(given, terminal);
  if (!client) return exit_usage;
  const std::int64_t bytes = number(made.value, "bytes"), rows = number(made.value, "rows");
  const std::string chain = text(made.value, "chain");
  auto fetched = fetch(*client, text(made.value, "id"), bytes, *made_file);
  if (!fetched) return refused(terminal, fetched.error().message + "; no backup was made");

  auto copy = check_copy(made_file->path());
  if (!copy) return refused(terminal, copy.error().message + "; no backup was made");
  if (copy->head.id != rows || copy->head.chain != chain) {
    return refused(terminal, "what arrived is not what the daemon copied; no backup was made");
  }
  if (auto named = made_file->name(file); !named) return refused(terminal, named.error().message);
  if (copy->broken) {
    return refused(terminal,
                   fmt::format("{} is a faithful copy, but the chain of the record itself is "
                               "broken at row {}: {}; `yagura restore` takes it only with "
                               "--broken-chain",
                               file, copy->broken->row, copy->broken->why));
  }
  if (given.json) {
    terminal.out << json::serialize(json::object{
                        {"file", file}, {"bytes", bytes}, {"rows", rows}, {"chain", chain}})
                 << "\n";
  } else {
    terminal.out << fmt::format(
        "{}: {} rows, {} KiB, read through again and whole\n"
        "The last row is {}, its chain {}\n",
        one_line(file), rows, (bytes + 1023) / 1024, rows, chain);
  }
  return exit_done;
}

}  // namespace yagura::cli
