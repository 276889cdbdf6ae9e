#include "load_here.hpp"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <exception>
#include <memory>
#include <thread>

#include "file_modes.hpp"
#include "secret_file.hpp"
#include "run_as.hpp"

namespace yagura {
namespace {

void check_response_user(const Configuration& configuration, Problems& problems) {
  if (!configuration.response_user) return;
  if (auto may = io::may_run_as(*configuration.response_user); !may) {
    problems.push_back(
        {configuration.places.response_user,
         fmt::format("`response_user`: {}: add the drop-in of docs/operating.md (\"what response "
                     "programs may do\"), or remove `response_user`",
                     may.error().message),
         false});
  }
}

// Better known now than at the first mail. It can be put right while the daemon runs.
void check_secrets(const Configuration& configuration, Problems& problems) {
  for (const GuardedFile& file : configuration.guarded) {
    if (file.kind != GuardedFile::Kind::secret || file.path == file.place.file.text()) continue;
    if (auto read = io::read_secret_file(file.path, "the secret file"); !read) {
      problems.push_back({file.place, read.error().message, true});
    }
  }
}

// Reading a configuration of thousands of components takes several times the memory of what comes of it, and that would
// lie scattered where it was read. A thread has its memory apart from ours: what is kept is made anew here, side by side.
Loaded load_apart(const std::string& file, Instant now) {
  Loaded loaded;
  std::exception_ptr failed;
  std::thread reader([&] {
    try {
      loaded = load_configuration(file, now);
    } catch (...) {
      failed = std::current_exception();
    }
  });
  reader.join();
  if (failed) std::rethrow_exception(failed);
  if (loaded.configuration) {
    loaded.configuration->platform =
        std::make_shared<const Platform>(*loaded.configuration->platform);
  }
  return loaded;
}

}  // namespace

Loaded load_here(const std::string& file, Instant now) {
  Loaded loaded = load_apart(file, now);
  if (!loaded.configuration) return loaded;
  auto& user = loaded.configuration->response_user;
  if (user && user->uid == geteuid()) user.reset();  // there is nobody to become
  Problems found = problems_of_modes(*loaded.configuration);
  check_response_user(*loaded.configuration, found);
  check_secrets(*loaded.configuration, found);
  if (has_errors(found)) loaded.configuration.reset();
  loaded.problems.insert(loaded.problems.end(), found.begin(), found.end());
  return loaded;
}

void keep_capabilities_to_ourselves() {
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

}  // namespace yagura
