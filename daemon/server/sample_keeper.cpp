#include "sample_keeper.hpp"

#include <utility>

#include "log.hpp"
#include "sample_file.hpp"

namespace yagura {

SampleKeeper::SampleKeeper(Surroundings& surroundings, Engine& engine)
    : surroundings_(surroundings), engine_(engine), alarm_(surroundings.make_alarm()) {}

SampleKeeper::~SampleKeeper() {
  *alive_ = false;
}

void SampleKeeper::look() {
  if (engine_.samples().is_over(engine_.now())) write();
}

void SampleKeeper::end(Duration at_most, std::function<void()> done) {
  if (!writing_) write();
  if (!writing_) return done();
  ended_ = std::move(done);
  alarm_->set(surroundings_.steady() + at_most, [this] {
    if (ended_) std::exchange(ended_, nullptr)();
  });
}

void SampleKeeper::write() {
  struct Job {
    std::string folder;
    SpanToWrite span;
    WriteOptions options;
    SampleWrite result;
  };
  Samples& samples = engine_.samples();
  const Instant now = engine_.now();
  auto span = samples.end(now);
  if (writing_) return drop("the write before has not come back from the disk");
  auto job = std::make_shared<Job>();
  job->folder = engine_.configuration().state_folder;
  job->span = {span.from, std::move(span.bytes), std::nullopt, layout_row_};
  const std::uint64_t number = samples.layout_number();
  if (number != layout_number_) job->span.layout = samples.layout();
  job->options = {now, engine_.configuration().keep_samples, !std::exchange(checked_, true)};
  writing_ = surroundings_.run_aside(
      [job] {
        job->result = write_span(job->folder, job->span, job->options);
        job->span = {};
      },
      [this, job, number, alive = std::weak_ptr(alive_)] {
        if (auto still = alive.lock(); still && *still) written(job->result, number);
      });
  if (!writing_) drop("no helper thread is free");
}

void SampleKeeper::written(const SampleWrite& result, std::uint64_t layout_number) {
  writing_ = false;
  if (!result.aside.empty()) {
    log::line(log::Level::warning, "samples.aside", {{"file", result.aside}, {"why", result.why}});
  }
  if (result.layout_row) {
    layout_number_ = layout_number;
    layout_row_ = *result.layout_row;
    if (std::exchange(dropping_, false)) log::line(log::Level::info, "samples.written");
  } else {
    layout_number_ = 0;  // whatever the file is now, the next one brings all that it needs
    drop(result.layout_row.error().message);
  }
  if (ended_) {
    alarm_->cancel();
    std::exchange(ended_, nullptr)();
  }
}

void SampleKeeper::drop(const std::string& why) {
  if (!std::exchange(dropping_, true))
    log::line(log::Level::warning, "samples.dropped", {{"why", why}});
}

}  // namespace yagura
