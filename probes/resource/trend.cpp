#include "trend.hpp"

#include <algorithm>
#include <limits>

namespace yagura {

void SpaceTrend::add(Sample sample, double total_bytes) {
  if (total_bytes != total_bytes_) samples_.clear();
  total_bytes_ = total_bytes;
  last_ = sample;
  if (samples_.empty() || sample.at - samples_.back().at >= apart) samples_.push_back(sample);
  while (sample.at - samples_.front().at > window)
    samples_.pop_front();
}

double SpaceTrend::rate_from(std::size_t first) const {
  // About the means, as the numbers are large and their differences small.
  const auto seconds = [&](const Sample& sample) {
    return std::chrono::duration<double>(sample.at - samples_[first].at).count();
  };
  double count = static_cast<double>(samples_.size() - first);
  double mean_seconds = 0, mean_bytes = 0;
  for (std::size_t at = first; at < samples_.size(); ++at) {
    mean_seconds += seconds(samples_[at]) / count;
    mean_bytes += samples_[at].free_bytes / count;
  }
  double together = 0, spread = 0;
  for (std::size_t at = first; at < samples_.size(); ++at) {
    double apart_seconds = seconds(samples_[at]) - mean_seconds;
    together += apart_seconds * (samples_[at].free_bytes - mean_bytes);
    spread += apart_seconds * apart_seconds;
  }
  return spread > 0 ? -together / spread : 0;
}

std::optional<double> SpaceTrend::bytes_per_second() const {
  if (samples_.size() < 3 || samples_.back().at - samples_.front().at < least) return std::nullopt;
  auto middle = samples_.front().at + (samples_.back().at - samples_.front().at) / 2;
  std::size_t later = 0;
  while (samples_[later].at < middle)
    ++later;
  // A half of one sample has no slope: then there were few, and the one before is taken as well.
  later = std::min(later, samples_.size() - 2);
  return std::min(rate_from(0), rate_from(later));
}

std::optional<double> SpaceTrend::seconds_left() const {
  auto rate = bytes_per_second();
  if (!rate) return std::nullopt;
  if (*rate <= 0) return std::numeric_limits<double>::infinity();
  return last_->free_bytes / *rate;
}

}  // namespace yagura
