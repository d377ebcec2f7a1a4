// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ballast {

// Metrics in the text format of Prometheus, version 0.0.4.
class MetricsPage {
  public:
    static constexpr const char *kType = "text/plain; version=0.0.4; charset=utf-8";

    // What comes next. `type`: "counter" or "gauge".
    void describe(std::string_view name, std::string_view type, std::string_view help);
    // A number of what was described last. `labels`: "a=\"b\",c=\"d\"", escaped, or nothing; `time`: nanoseconds since
    // 1970, 0: now.
    void value(std::string_view labels, double number, std::int64_t time = 0);
    // The only one of its name.
    void metric(std::string_view name, std::string_view type, std::string_view help, double number);
    // Processor time, memory and descriptors of this process. `whose`: "the engine".
    void add_process(std::string_view whose);

    std::string take() { return std::move(text_); }

  private:
    std::string name_, text_;
};

} // namespace ballast
