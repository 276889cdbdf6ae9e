// What the probes of this machine have in common: a question that a helper thread puts to the
// kernel within the run's deadline, and a judgement of its answer on the loop. Each kind gives the
// two; what it asks in stays with the helper, so a question that hangs leaves nothing of the probe
// behind.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "aside_call.hpp"
#include "probe.hpp"
#include "text.hpp"

namespace yagura {

// A run that could not be carried out.
inline Finding could_not_look(std::string_view reason) {
  return {Verdict::unknown, one_line(reason), {}};
}

// The first `limit` bytes of a regular file. `error`: the errno of what went wrong; EINVAL for what
// is not a regular file. Never waits for a writer, but for the kernel.
struct FileStart {
  int error = 0;
  std::string text;
  bool cut = false;  // there is more
};
FileStart read_file_start(const std::string& path, std::size_t limit);

// A file whole, such as one of the kernel's. Error, in words: unreadable, or longer than `limit`
// bytes.
Result<std::string> read_whole_file(const std::string& path, std::size_t limit);

template <class Answer>
class LocalProbe : public Probe {
 public:
  // `what` names the question in reasons: "statvfs on /data".
  explicit LocalProbe(std::string what) : what_(std::move(what)) {}

  void start(io::Runtime& runtime, const ProbeRun& run, std::function<void(Finding)> done) final {
    auto answer = std::make_shared<std::optional<Result<Answer>>>();
    auto work = [answer, question = question(run)] {
      try {
        answer->emplace(question());
      } catch (const std::exception& error) {
        answer->emplace(failure_of(error.what()));
      }
    };
    call_.start(runtime, run.timeout, what_, std::move(work),
                [this, answer, run, done = std::move(done)](const std::string& no_answer) {
                  if (!no_answer.empty()) return done(could_not_look(no_answer));
                  if (!answer->value())
                    return done(could_not_look(answer->value().error().message));
                  done(judge(*answer->value(), run));
                });
  }

 protected:
  // Runs on the helper: must own all that it touches, and be bounded.
  virtual std::function<Result<Answer>()> question(const ProbeRun& run) = 0;
  // Runs on the loop.
  virtual Finding judge(const Answer& answer, const ProbeRun& run) = 0;

 private:
  std::string what_;
  AsideCall call_;
};

}  // namespace yagura
