// What the tests of the store share: a folder that goes away, entries, and a raw connection for
// tampering.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "sqlite.hpp"
#include "store.hpp"

namespace yagura {

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "yagura-store-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline Instant at_second(int second) {
  return Instant{} + std::chrono::seconds(1'800'000'000 + second);
}

inline RecordEntry entry(std::string what, std::string payload = "{}", std::string subject = {}) {
  RecordEntry made;
  made.at = at_second(0);
  made.what = std::move(what);
  made.who = "daemon";
  made.subject = std::move(subject);
  made.payload = std::move(payload);
  return made;
}

inline Transaction one(RecordEntry made) {
  Transaction transaction;
  transaction.entries.push_back(std::move(made));
  return transaction;
}

// A number as payload, for tests that look at order.
inline std::string numbered(std::int64_t n) {
  return fmt::format(R"({{"n":{}}})", n);
}

inline StoreOptions quick_options() {
  StoreOptions options;
  options.retry_every = 10ms;
  return options;
}

inline std::unique_ptr<Store> open_store(const std::string& folder,
                                         StoreOptions options = quick_options()) {
  Result<std::unique_ptr<Store>> store = Store::open(folder, std::move(options));
  REQUIRE_MESSAGE(store.has_value(), (store ? "" : store.error().message));
  return std::move(*store);
}

inline std::vector<RecordRow> all_rows(Store& store) {
  std::vector<RecordRow> rows;
  Result<void> read = store.each({}, [&](const RecordRow& row) {
    rows.push_back(row);
    return true;
  });
  REQUIRE_MESSAGE(read.has_value(), (read ? "" : read.error().message));
  return rows;
}

inline sqlite::Connection raw(const std::string& database) {
  Result<sqlite::Connection> connection =
      sqlite::Connection::open(database, sqlite::Connection::Access::write);
  REQUIRE(connection.has_value());
  return std::move(*connection);
}

inline void run(sqlite::Connection& connection, const std::string& sql) {
  Result<void> done = connection.run(sql);
  REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().message));
}

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace yagura
