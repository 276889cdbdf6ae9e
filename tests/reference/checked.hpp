// How a property is tried: a fixed seed, so that a run can be repeated, a number of cases that fits
// into the everyday budget, many more of them with YAGURA_LONG, and RapidCheck's own RC_PARAMS for
// whoever looks for something (RC_PARAMS="seed=7 max_success=10000"). What fails is shrunk and
// printed.
#pragma once

#include <rapidcheck.h>

#include <cstdlib>
#include <iostream>
#include <string>

namespace yagura::reference {

template <typename Property>
bool holds(const std::string& what, int cases, Property&& property) {
  rc::detail::TestParams params;
  params.seed = 1;
  params.maxSuccess = cases;
  params.maxSize = 40;
  const char* long_run = std::getenv("YAGURA_LONG");
  if (long_run != nullptr && *long_run != '\0') params.maxSuccess *= 5;
  if (std::getenv("RC_PARAMS") != nullptr) params = rc::detail::configuration().testParams;

  rc::detail::TestMetadata metadata;
  metadata.id = metadata.description = what;
  const rc::detail::TestResult result =
      rc::detail::checkTestable(std::forward<Property>(property), metadata, params);
  if (result.template is<rc::detail::SuccessResult>()) return true;
  std::cerr << what << ", seed " << params.seed << ":\n";
  rc::detail::printResultMessage(result, std::cerr);
  std::cerr << std::endl;
  return false;
}

}  // namespace yagura::reference
