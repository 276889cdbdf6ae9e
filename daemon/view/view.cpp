#include "view.hpp"

#include "view_parts.hpp"

namespace yagura {

using namespace view;

std::string answer_json(bool done, const std::string& text, FailureId failure, StopId stop, InquiryId inquiry) {
  json::object object{{"done", done}};
  object[done ? "text" : "error"] = text;
  object["failure"] = failure == 0 ? json::value(nullptr) : json::value(failure);
  object["stop"] = stop == 0 ? json::value(nullptr) : json::value(stop);
  object["inquiry"] = inquiry == 0 ? json::value(nullptr) : json::value(inquiry);
  return finished(object);
}

std::string error_json(const std::string& text) { return finished(json::object{{"error", text}}); }

std::string strings_json(const std::string& key, const std::vector<std::string>& values) {
  return finished(json::object{{key, array_of(values)}});
}

}  // namespace yagura
