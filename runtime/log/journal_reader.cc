// SPDX-License-Identifier: Apache-2.0
// journald: the entries that carry the container's id.
#include <algorithm>
#include <array>
#include <systemd/sd-journal.h>

#include "base/timestamp.h"
#include "runtime/log/readers.h"

namespace ballast::container_log {
namespace {

constexpr std::array<std::string_view, 13> kOwnFields = {"MESSAGE",
                                                         "PRIORITY",
                                                         "CONTAINER_ID",
                                                         "CONTAINER_ID_FULL",
                                                         "CONTAINER_NAME",
                                                         "CONTAINER_TAG",
                                                         "IMAGE_NAME",
                                                         "SYSLOG_IDENTIFIER",
                                                         "SYSLOG_TIMESTAMP",
                                                         "CONTAINER_PARTIAL_ID",
                                                         "CONTAINER_PARTIAL_ORDINAL",
                                                         "CONTAINER_PARTIAL_LAST",
                                                         "CONTAINER_PARTIAL_MESSAGE"};

Result<int> checked(int result, const char *what) {
    return result < 0 ? Result<int>(fail_errno(std::string("journal: ") + what, -result)) : Result<int>(result);
}

class JournalReader : public Reader {
  public:
    explicit JournalReader(const Selection &selection) : selection_(selection) {}
    JournalReader(const JournalReader &) = delete;
    JournalReader &operator=(const JournalReader &) = delete;
    ~JournalReader() override { sd_journal_close(journal_); }

    Status open(const std::string &container_id) {
        TRY(checked(sd_journal_open(&journal_, SD_JOURNAL_LOCAL_ONLY), "open"));
        const std::string match = "CONTAINER_ID_FULL=" + container_id;
        TRY(checked(sd_journal_add_match(journal_, match.data(), match.size()), "choose the container"));
        if (selection_.tail) {
            TRY(checked(sd_journal_seek_tail(journal_), "seek"));
            // The next step forward gives the first of them.
            const int skipped = TRY(checked(sd_journal_previous_skip(journal_, *selection_.tail + 1), "seek"));
            if (static_cast<std::uint64_t>(skipped) <= *selection_.tail) {
                TRY(checked(sd_journal_seek_head(journal_), "seek"));
            }
        } else if (selection_.since_ns) {
            TRY(checked(
                sd_journal_seek_realtime_usec(journal_, static_cast<std::uint64_t>(*selection_.since_ns / 1000)),
                "seek"));
        }
        return {};
    }

    Result<Next> next(Entry &entry, std::chrono::milliseconds wait) override {
        for (bool waited = false;;) {
            if (TRY(checked(sd_journal_next(journal_), "read")) > 0) {
                if (!TRY(take(entry)) || (selection_.since_ns && entry.time_ns < *selection_.since_ns)) {
                    continue;
                }
                if (selection_.until_ns && entry.time_ns > *selection_.until_ns) {
                    return Next::kEnd;
                }
                if (entry.stream == Stream::kStdout ? selection_.output : selection_.errors) {
                    return Next::kEntry;
                }
                continue;
            }
            if (!selection_.follow || finished_) {
                return Next::kEnd;
            }
            if (waited) {
                return Next::kNothing;
            }
            TRY(checked(sd_journal_wait(journal_, static_cast<std::uint64_t>(wait.count()) * 1000), "wait"));
            waited = true;
        }
    }

    void finish() override { finished_ = true; }

  private:
    Result<bool> take(Entry &entry) {
        entry = {};
        std::uint64_t received = 0;
        TRY(checked(sd_journal_get_realtime_usec(journal_, &received), "read a time"));
        entry.time_ns = static_cast<std::int64_t>(received) * 1000;
        bool message = false;
        bool partial = false;
        const void *data = nullptr;
        std::size_t size = 0;
        sd_journal_restart_data(journal_);
        while (TRY(checked(sd_journal_enumerate_available_data(journal_, &data, &size), "read")) > 0) {
            const std::string_view field(static_cast<const char *>(data), size);
            const std::string_view name = field.substr(0, field.find('='));
            const std::string_view value = field.substr(std::min(field.size(), name.size() + 1));
            if (name == "MESSAGE") {
                entry.text = value;
                message = true;
            } else if (name == "PRIORITY") {
                entry.stream = value == "3" ? Stream::kStderr : Stream::kStdout;
            } else if (name == "SYSLOG_TIMESTAMP") {
                entry.time_ns = parse_timestamp(value).value_or(entry.time_ns);
            } else if (name == "CONTAINER_PARTIAL_ORDINAL") {
                entry.starts = value == "1";
            } else if (name == "CONTAINER_PARTIAL_MESSAGE") {
                partial = value == "true";
            } else if (!name.starts_with('_') && std::ranges::find(kOwnFields, name) == kOwnFields.end()) {
                entry.attributes.emplace_back(name, value);
            }
        }
        if (!partial) {
            entry.text += '\n';
        }
        return message;
    }

    Selection selection_;
    sd_journal *journal_ = nullptr;
    bool finished_ = false;
};

} // namespace

Result<std::unique_ptr<Reader>> open_journal_reader(const Source &source, const Selection &selection) {
    auto reader = std::make_unique<JournalReader>(selection);
    TRY(reader->open(source.container_id));
    return reader;
}

} // namespace ballast::container_log
