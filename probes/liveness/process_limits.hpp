// The limits of a process probe on what its processes use: `memory`, `cpu`, `open_files`, `threads`
// and `uptime`, each a mapping of levels. Owned by the probe in process.cpp.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "liveness/process_use.hpp"
#include "node.hpp"
#include "resource/threshold.hpp"

namespace yagura {

class ProcessLimits {
 public:
  // Nothing where a problem was reported.
  static std::optional<ProcessLimits> read(Reader& reader);

  bool want_open_files() const { return open_files_.levels.has_value(); }
  bool want_processor_time() const { return cpu_.levels.has_value(); }

  // `percent`: of one processor, where it is known. Adds to the verdict and reason of `judgement`,
  // which is of their number, and to the values.
  Judgement judge(Judgement judgement, const ProcessesUse& use, std::optional<double> percent,
                  bool was_failing, MeasuredValues& values);

 private:
  struct Limit {
    std::optional<Threshold> levels;
    FailingCause cause;

    void judge(Judgement& judgement, Measured measured, bool was_failing);
  };
  Limit memory_, cpu_, open_files_, threads_, uptime_;
};

}  // namespace yagura
