// Lines of the record.
#include "view_parts.hpp"

namespace yagura {

namespace view {

json::object record_object(const Look& look, const RecordLine& line) {
  json::object object;
  object["id"] = line.id;
  object["at"] = time_or_null(look, line.at);
  object["what"] = line.what;
  object["failure"] = line.failure == 0 ? json::value(nullptr) : json::value(line.failure);
  object["notice"] = line.notice == 0 ? json::value(nullptr) : json::value(line.notice);
  object["who"] = line.who;
  boost::system::error_code error;
  json::value details = json::parse(line.payload.empty() ? "{}" : line.payload, error);
  object["details"] = error ? json::value(json::object()) : std::move(details);
  if (!line.chain.empty()) {
    object["digest"] = line.digest;
    object["chain"] = line.chain;
    object["subject"] = line.subject;
    object["payload"] = line.payload;  // byte by byte: the digest is of these
    object["erased"] = line.erased;
  }
  return object;
}

}  // namespace view

using namespace view;

std::string record_json(const Look& look, const std::vector<RecordLine>& lines) {
  json::array list;
  for (const RecordLine& line : lines) list.push_back(record_object(look, line));
  return finished(list);
}

}  // namespace yagura
