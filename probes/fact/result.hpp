// Results and errors. An expected failure is a value with a sentence for a person; each layer may
// put its own words before it. Exceptions are for start-up and for the wrappers of libraries that
// throw.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace yagura {

struct Error {
  std::string message;  // A sentence without a full stop: what is wrong, and what to do.
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> failure_of(std::string message) {
  return tl::unexpected<Error>(Error{std::move(message)});
}

}  // namespace yagura
