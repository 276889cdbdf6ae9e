// What the tests of mail share: a folder of their own, a loop that runs until something holds.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>

#include "runtime.hpp"
#include "transport.hpp"

namespace yagura::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "yagura-mail-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

struct Loop {
  boost::asio::io_context loop;
  std::optional<io::Runtime> runtime{std::in_place, loop};

  // False: it did not hold within ten seconds.
  bool run_until(const std::function<bool()>& holds) {
    auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!holds()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      loop.restart();
      loop.run_one_for(std::chrono::milliseconds(20));
    }
    return true;
  }
  void run_for(std::chrono::milliseconds time) {
    loop.restart();
    loop.run_for(time);
  }
  Delivery deliver(Transport& transport, Envelope envelope) {
    std::optional<Delivery> result;
    transport.deliver(std::move(envelope),
                      [&](Delivery delivery) { result = std::move(delivery); });
    if (!run_until([&] { return result.has_value(); }))
      throw std::runtime_error("the delivery never ends");
    return *result;
  }
};

}  // namespace yagura::test
