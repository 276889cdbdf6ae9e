// The configuration (INTERFACE.md §1): what `yagura.yaml` and the files that it includes say, read
// whole and checked whole. A value that was loaded without errors holds together: every name leads
// somewhere, every chain reaches somebody, every window opens. Owned by whoever loads it; a reload
// loads another.
//
// docs/configuration.md, and docs/probes.md of probes, describe every key; a new key is described there too.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "instant.hpp"
#include "language.hpp"
#include "message.hpp"
#include "monitor.hpp"
#include "node.hpp"
#include "observation.hpp"
#include "outside/alarm_monitor.hpp"
#include "platform.hpp"
#include "probe.hpp"
#include "result.hpp"
#include "run_as.hpp"
#include "transport.hpp"

namespace yagura {

// How a probe is made. Its intervals and limits are the platform's: Component::probe().
struct ProbeSetup {
  // A hash of what the probe's kind read, in one form for all spellings: where it is the same after a
  // reload, a probe made before asks the same question and can go on.
  std::size_t definition = 0;
  std::function<std::unique_ptr<Probe>()> make;  // empty for a job; never gives null
  std::optional<JobSpec> job;                    // of a job only
};

// What a failing probe makes of its component, where its `impact` is not written.
Impact default_impact(ProbeFamily family);

struct MailSettings {
  Mailbox from;
  std::string maildir;            // empty where there are relays
  std::vector<SmtpRelay> relays;  // empty where there is a Maildir
  Writing writing;                // language, own templates, whom banks ask
};

// What is not to be in everybody's hands (file_modes.hpp), and where it is named. A configuration
// file counts as a secret as well where it holds one.
struct GuardedFile {
  std::string path;
  Place place;
  enum class Kind { configuration, state, templates, program, secret } kind = Kind::configuration;
};

// A call to whoever misses the daemon when it does not come (daemon/server/heartbeat.hpp).
struct HeartbeatSettings {
  std::string url;  // http:// or https://
  Duration every = 1min;
};

// Who else may say how a component is, over listen.http (daemon/server/alarm_intake.hpp).
struct IncomingSender {
  std::string token_file;  // read anew, so that it can be changed
  std::vector<std::string> topics;  // of SNS only: ARNs
};

// people.NAME.command: what is run for a person beside the mail. Which notices for is Person::command_for.
struct PersonProgram {
  std::vector<std::string> run;  // the program with its full path, then its arguments
  Duration timeout = 1min;
};

// All paths are absolute.
struct Configuration {
  PlatformPtr platform;  // the limits of mail (attempts, retries) are in platform->mail
  std::string state_folder;
  std::string control_socket;
  std::string http_address;  // "127.0.0.1:9640", "[::1]:9640"; empty: no HTTP
  MailSettings mail;
  std::optional<io::RunAs> response_user;  // none: response programs run as the daemon does
  std::map<PersonName, PersonProgram> person_commands;
  std::optional<HeartbeatSettings> heartbeat;
  std::map<AlarmSource, IncomingSender> incoming;  // from others nothing is taken
  std::map<ProbeId, ProbeSetup> probes;
  Duration keep_record{};
  Duration keep_samples{};
  std::vector<std::string> files;  // read, in order; the first is the configuration itself
  std::vector<GuardedFile> guarded;
  // Where each is written, or would be: for what a reload cannot change, and what only the daemon
  // can judge.
  struct {
    Place state, control, http, templates, response_user;
  } places;
};

struct Loaded {
  std::optional<Configuration> configuration;  // none where there is an error among the problems
  Problems problems;  // in the order of their places; texts are safe to print
};

// `now` decides what the calendar has to cover, and whether a window ever opens from here on.
Loaded load_configuration(const std::string& path, Instant now);

// `listen.control` alone, whatever the rest of the file is worth; its default where the file does
// not say. Error: the file cannot be read, is no YAML at all, or its `control` is no path.
Result<std::string> control_socket_of(const std::string& path);

// `state` and `timezone` alone, with their defaults, for whoever works on the record without a
// daemon. Error: the file cannot be read to its end, so that what it says is not sure.
struct StatePlace {
  std::string folder;
  Zone zone;
};
Result<StatePlace> state_place_of(const std::string& path);

bool has_errors(const Problems& problems);
// One problem a line, each with its line break.
std::string text(const Problems& problems);

}  // namespace yagura
