// `yagura inquiry receive`: a mail to the inquiry desk, from a mail server. It is put into the spool, whether or not a daemon
// runs, and the daemon is told. The mail server learns by the exit status (sysexits.h, which Postfix, sendmail and Exim know) what
// to do with it.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "ask.hpp"
#include "commands.hpp"
#include "configuration.hpp"
#include "mail_spool.hpp"

namespace yagura::cli {
namespace {

constexpr const char* default_configuration = "/etc/yagura/yagura.yaml";
constexpr int never = 69;  // EX_UNAVAILABLE: the sender gets it back
constexpr int later = 75;  // EX_TEMPFAIL: the mail server keeps it, and tries again

// As an alias' command has it in its environment, and a pipe as an argument.
std::string envelope_sender(const Arguments& given) {
  std::string sender = "unknown";
  if (const char* environment = std::getenv("SENDER")) sender = environment;  // NOLINT(concurrency-mt-unsafe)
  if (given.has("sender")) sender = given.text("sender");
  // Postfix' word for the empty one, of bounces.
  return sender == "MAILER-DAEMON" || sender == "<>" ? std::string() : sender;
}

// What root puts there the daemon could not read.
void become_owner_of(const std::string& folder) {
  struct stat about {};
  if (::geteuid() != 0 || ::stat(folder.c_str(), &about) != 0) return;
  if (::setegid(about.st_gid) != 0 || ::seteuid(about.st_uid) != 0) return;
}

}  // namespace

int inquiry_receive(const Arguments& given, const Terminal& terminal) {
  auto place = state_place_of(given.config.empty() ? default_configuration : given.config);
  if (!place) {
    complain(terminal, place.error().message);
    return later;
  }
  const SpoolOutcome outcome = [&] {
    become_owner_of(place->folder);
    return spool_mail(place->folder, STDIN_FILENO, envelope_sender(given));
  }();
  if (outcome.how == Spooled::too_large) {
    complain(terminal, outcome.words + ": it is refused");
    return never;
  }
  if (outcome.how == Spooled::not_now) {
    complain(terminal, "the message cannot be kept now: " + outcome.words);
    return later;
  }
  // Where the daemon is away it looks by itself once it is back.
  auto socket = choose_socket(given.socket, std::getenv("YAGURA_SOCKET"), given.config);  // NOLINT(concurrency-mt-unsafe)
  if (socket) {
    auto told = Client(*socket, {2s, 2s, 4096}).post("/v1/inquiries/spooled", "{}");
    static_cast<void>(told);
  }
  return exit_done;
}

}  // namespace yagura::cli
