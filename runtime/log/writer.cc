// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/writer.h"

#include "runtime/log/options.h"

namespace ballast::container_log {
namespace {

class NoWriter : public Writer {
  public:
    void add(const Line &, WriteObserver &) override {}
    void flush(WriteObserver &) override {}
};

} // namespace

Result<std::unique_ptr<Writer>> Writer::open(const WriterSettings &settings) {
    TRY(check_log_options(settings.driver, settings.options));
    if (settings.driver == "none") {
        return std::make_unique<NoWriter>();
    }
    if (settings.driver == "journald") {
        return open_journal_writer(settings, "/run/systemd/journal/socket");
    }
    return settings.driver == "syslog" ? open_syslog_writer(settings) : open_file_writer(settings);
}

void Writer::lose(std::uint64_t bytes, const std::string &why) {
    if (lost_since_ == 0) {
        trouble_ = why + ": the container goes on, its output is lost for now";
    }
    lost_ += bytes;
    lost_since_ += bytes;
}

void Writer::wrote() {
    if (lost_since_ > 0) {
        trouble_ = "the container's log is written again; " + std::to_string(std::exchange(lost_since_, 0)) +
                   " bytes of output are lost";
    }
}

} // namespace ballast::container_log
