// The kinds that kinds.cpp puts into its table: one function for each file that implements one.
#pragma once

#include <memory>

#include "node.hpp"
#include "probe.hpp"

namespace yagura {

// Each reads its own keys and gives nothing where a problem was reported.
std::unique_ptr<Probe> make_http(Reader& reader);
std::unique_ptr<Probe> make_tcp(Reader& reader);
std::unique_ptr<Probe> make_tls(Reader& reader);
std::unique_ptr<Probe> make_dns(Reader& reader);
std::unique_ptr<Probe> make_ping(Reader& reader);
std::unique_ptr<Probe> make_process(Reader& reader);
std::unique_ptr<Probe> make_unit(Reader& reader);
std::unique_ptr<Probe> make_disk(Reader& reader);
std::unique_ptr<Probe> make_memory(Reader& reader);
std::unique_ptr<Probe> make_cpu(Reader& reader);
std::unique_ptr<Probe> make_load(Reader& reader);
std::unique_ptr<Probe> make_swap(Reader& reader);
std::unique_ptr<Probe> make_pressure(Reader& reader);
std::unique_ptr<Probe> make_network(Reader& reader);
std::unique_ptr<Probe> make_files(Reader& reader);
std::unique_ptr<Probe> make_clock(Reader& reader);
std::unique_ptr<Probe> make_file(Reader& reader);
std::unique_ptr<Probe> make_plugin(Reader& reader);
std::unique_ptr<Probe> make_log(Reader& reader);
std::unique_ptr<Probe> make_logins(Reader& reader);
std::unique_ptr<Probe> make_metric(Reader& reader);
std::unique_ptr<Probe> make_cloudwatch(Reader& reader);
std::unique_ptr<Probe> make_alarm(Reader& reader);

}  // namespace yagura
