#include "secret_file.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>

using namespace yagura;

namespace {

struct File {
  explicit File(std::string_view text) {
    const int file = ::mkstemp(path.data());
    REQUIRE(file >= 0);
    REQUIRE(::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(file);
  }
  ~File() { ::unlink(path.c_str()); }
  std::string path = "/tmp/yagura-secret-XXXXXX";
};

}  // namespace

TEST_CASE("a secret is a line of a file of this machine") {
  const File file("open sesame\r\n");
  const auto read = io::read_secret_file(file.path, "the token file");
  REQUIRE(read.has_value());
  CHECK(read->secret == "open sesame");
  CHECK_FALSE(read->open_to_everybody);
}

TEST_CASE("a secret on a file system whose server may be waited for is refused") {
  const File file("open sesame\n");
  const auto said = [&](long (*type)(int)) {
    const auto read = io::read_secret_file(file.path, "the token file", type);
    return read ? std::string("read") : read.error().message;
  };
  CHECK(said([](int) { return 0x6969L; }) == "the token file " + file.path +
                                                 " lies on NFS, for whose server everything would "
                                                 "wait: copy it to a disk of this machine, "
                                                 "and name the copy");
  CHECK(said([](int) {
          return static_cast<long>(static_cast<int>(0xFF534D42));
        }).find("lies on SMB") != std::string::npos);
  CHECK(said([](int) { return 0x65735546L; }).find("lies on FUSE") != std::string::npos);
  CHECK(said([](int) { return 0xEF53L; }) == "read");  // ext4
  CHECK(said([](int) { return 0L; }) == "read");
}

TEST_CASE("the type of a file system is known, but for that of the root") {
  const int kernels = ::open("/proc/version", O_RDONLY | O_CLOEXEC),
            root = ::open("/", O_RDONLY | O_CLOEXEC);
  REQUIRE(kernels >= 0);
  REQUIRE(root >= 0);
  CHECK(io::file_system_of(kernels) == 0x9FA0);  // proc
  CHECK(io::file_system_of(root) == 0);
  CHECK(io::file_system_of(-1) == 0);
  ::close(kernels);
  ::close(root);
}
