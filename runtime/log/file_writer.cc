// SPDX-License-Identifier: Apache-2.0
// json-file, local and cri: files that are appended to and rotated.
#include <algorithm>
#include <array>
#include <cstdio>
#include <fcntl.h>
#include <limits>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_io.h"
#include "runtime/log/formats.h"
#include "runtime/log/options.h"
#include "runtime/log/writer.h"

namespace ballast::container_log {
namespace {

enum class Format : std::uint8_t { kJson, kLocal, kCri };

constexpr std::size_t kBatch = 64UL << 10; // written together at the most

Result<std::uint64_t> size_of(BorrowedFd fd, const std::string &path) {
    struct stat status{};
    if (fstat(fd.get(), &status) != 0) {
        return fail_errno("stat " + path);
    }
    return static_cast<std::uint64_t>(status.st_size);
}

std::uint32_t big_endian(const std::array<unsigned char, 4> &bytes) {
    return std::uint32_t{bytes[0]} << 24U | std::uint32_t{bytes[1]} << 16U | std::uint32_t{bytes[2]} << 8U | bytes[3];
}

// How much of a file of lines is whole: a crash of the machine may have cut the last one.
std::uint64_t whole_lines(BorrowedFd fd, std::uint64_t size) {
    std::array<char, 4096> block{};
    while (size > 0) {
        const std::size_t length = std::min<std::uint64_t>(size, block.size());
        const ssize_t got = pread(fd.get(), block.data(), length, static_cast<off_t>(size - length));
        const std::string_view text(block.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        const std::size_t end = text.rfind('\n');
        if (got <= 0 || end != std::string_view::npos) {
            return got <= 0 ? size : size - length + end + 1;
        }
        size -= length;
    }
    return 0;
}

// The record at `place`, without its sizes; 0: there is no whole one.
std::uint32_t record_at(BorrowedFd fd, std::uint64_t place, std::uint64_t size) {
    const auto size_at = [&fd](std::uint64_t where) -> std::uint32_t {
        std::array<unsigned char, 4> bytes{};
        const bool got = pread(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(where)) == 4;
        const std::uint32_t value = got ? big_endian(bytes) : 0;
        return value >= kLocalHeader && value <= kLargestLocalRecord ? value : 0;
    };
    const std::uint32_t one = place < size ? size_at(place) : 0;
    return one > 0 && place + one + 8 <= size && size_at(place + one + 4) == one ? one : 0;
}

struct Records {
    std::uint64_t end = 0, count = 0;
};

// The whole ones from `place` on.
Records records_from(BorrowedFd fd, std::uint64_t place, std::uint64_t size) {
    Records records{.end = place, .count = 0};
    while (const std::uint32_t one = record_at(fd, records.end, size)) {
        records.end += one + 8;
        records.count++;
    }
    return records;
}

// The same of records, from the start: only when the last one's two sizes differ.
std::uint64_t whole_records(BorrowedFd fd, std::uint64_t size) {
    std::array<unsigned char, 4> bytes{};
    const bool got = size >= 8 && pread(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(size - 4)) == 4;
    const std::uint64_t last = got ? big_endian(bytes) : 0;
    if (size == 0 || (last > 0 && last + 8 <= size && record_at(fd, size - last - 8, size) == last)) {
        return size;
    }
    return records_from(fd, 0, size).end;
}

std::uint64_t ends_behind(BorrowedFd fd, std::uint64_t place, std::uint64_t size) {
    std::array<char, 4096> block{};
    std::uint64_t count = 0;
    while (place < size) {
        const std::size_t length = std::min<std::uint64_t>(size - place, block.size());
        const ssize_t got = pread(fd.get(), block.data(), length, static_cast<off_t>(place));
        if (got <= 0) {
            break;
        }
        count += static_cast<std::uint64_t>(std::count(block.begin(), block.begin() + got, '\n'));
        place += static_cast<std::uint64_t>(got);
    }
    return count;
}

class FileWriter : public Writer {
  public:
    FileWriter(Format format, const WriterSettings &settings, std::uint64_t capacity, unsigned files)
        : format_(format), path_(settings.path), attributes_(json_attributes(settings.attributes)), capacity_(capacity),
          files_(files) {}

    Status reopen() override {
        Fd fd = TRY(open_file(path_, O_RDWR | O_CREAT | O_APPEND, 0640));
        const std::uint64_t size = TRY(size_of(fd, path_));
        const std::uint64_t whole = format_ == Format::kLocal ? whole_records(fd, size) : whole_lines(fd, size);
        if (whole != size && ftruncate(fd.get(), static_cast<off_t>(whole)) != 0) {
            return fail_errno("truncate " + path_);
        }
        fd_ = std::move(fd);
        size_ = whole;
        return {};
    }

    std::uint64_t lines_behind(std::uint64_t place) const override {
        return format_ == Format::kLocal ? records_from(fd_, place, size_).count : ends_behind(fd_, place, size_);
    }

    void add(const Line &line, WriteObserver &observer) override {
        if (size_ + batch_.size() >= capacity_ || batch_.size() >= kBatch) {
            flush(observer);
        }
        if (size_ >= capacity_) {
            rotate();
        }
        switch (format_) {
        case Format::kJson:
            append_json_line(batch_, line, attributes_);
            break;
        case Format::kLocal:
            append_local_record(batch_, line);
            break;
        case Format::kCri:
            append_cri_line(batch_, line);
            break;
        }
        output_ += line.text.size() + (line.ended ? 1 : 0);
    }

    void flush(WriteObserver &observer) override {
        if (batch_.empty()) {
            return;
        }
        observer.before_write(size_);
        if (const Status written = write_all(fd_, batch_); !written) {
            (void)!ftruncate(fd_.get(), static_cast<off_t>(size_)); // a part of a line must not stay
            lose(output_, written.error().message + " " + path_);
        } else {
            size_ += batch_.size();
            wrote();
        }
        observer.after_write();
        batch_.clear();
        if (batch_.capacity() > 2 * kBatch) {
            batch_.shrink_to_fit();
        }
        output_ = 0;
    }

  private:
    // PATH.1 is the newest of the old ones. On an error the file grows: nothing may be lost for it.
    void rotate() {
        if (files_ == 1) {
            if (ftruncate(fd_.get(), 0) == 0) {
                size_ = 0;
            }
            return;
        }
        for (unsigned number = files_ - 1; number > 1; --number) {
            (void)rename(name(number - 1).c_str(), name(number).c_str()); // one that is missing leaves a gap
        }
        if (rename(path_.c_str(), name(1).c_str()) == 0) {
            (void)reopen(); // on an error the old file, under its new name, goes on
        }
    }
    std::string name(unsigned number) const { return path_ + "." + std::to_string(number); }

    Format format_;
    std::string path_, attributes_;
    std::uint64_t capacity_;
    unsigned files_;
    Fd fd_;
    std::string batch_;
    std::uint64_t output_ = 0; // the container's bytes in it
    std::uint64_t size_ = 0;
};

} // namespace

Result<std::unique_ptr<Writer>> open_file_writer(const WriterSettings &settings) {
    const bool local = settings.driver == "local";
    std::uint64_t capacity = local ? 20'000'000 : std::numeric_limits<std::uint64_t>::max();
    if (const std::string *size = option(settings.options, "max-size")) {
        capacity = *size == "-1" ? std::numeric_limits<std::uint64_t>::max() : TRY(human_size(*size));
    }
    unsigned files = local ? 5 : 1;
    if (const std::string *count = option(settings.options, "max-file")) {
        files = static_cast<unsigned>(std::max(1L, strtol(count->c_str(), nullptr, 10)));
    }
    const Format format = local ? Format::kLocal : settings.driver == "cri" ? Format::kCri : Format::kJson;
    auto writer = std::make_unique<FileWriter>(format, settings, capacity, files);
    TRY(writer->reopen());
    return writer;
}

} // namespace ballast::container_log
