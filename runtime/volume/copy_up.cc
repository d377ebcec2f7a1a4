// SPDX-License-Identifier: Apache-2.0
#include "runtime/volume/copy_up.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "base/file_io.h"
#include "base/rollback.h"
#include "runtime/image/diff.h"
#include "runtime/image/unpack.h"

namespace ballast::volume {
namespace {

namespace fs = std::filesystem;

bool holds_nothing(const fs::path &directory) {
    std::error_code error;
    return fs::is_empty(directory, error) && !error;
}

// One archive, written in a thread of its own and read in this one.
Status copy_tree(const fs::path &from, const RootDir &to) {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return fail_errno("pipe");
    }
    Fd read_end(ends[0]), write_end(ends[1]);
    Status written;
    std::jthread writer([&written, &from, out = std::move(write_end)]() mutable {
        written = image::write_tree(from, [&out](std::string_view bytes) { return write_all(out, bytes); });
        out.close();
    });
    const auto source = [&read_end](std::span<char> into) -> Result<std::size_t> {
        ssize_t got = 0;
        do {
            got = ::read(read_end.get(), into.data(), into.size());
        } while (got < 0 && errno == EINTR);
        if (got < 0) {
            return fail_errno("read");
        }
        return static_cast<std::size_t>(got);
    };
    Status unpacked;
    if (Result<image::TarReader> reader = image::TarReader::open(source, "the image's content"); !reader) {
        unpacked = std::unexpected(reader.error());
    } else if (const auto done = image::unpack(*reader, to, {}); !done) {
        unpacked = std::unexpected(done.error());
    }
    read_end.close(); // a writer that still writes ends now
    writer.join();
    return unpacked ? written : unpacked;
}

} // namespace

Status copy_up(const RootDir &root, const fs::path &inside, const fs::path &data) {
    const Result<Fd> source = root.open_path(inside, O_PATH | O_DIRECTORY);
    if (!source && (source.error().code == ENOENT || source.error().code == ENOTDIR)) {
        return {};
    }
    if (!source) {
        return std::unexpected(source.error());
    }
    if (!holds_nothing(data)) {
        return {};
    }
    struct stat status{};
    if (fstat(source->get(), &status) != 0) {
        return fail_errno("stat " + inside.string());
    }
    const RootDir target = TRY(RootDir::open(data));
    const std::string what = "copy " + inside.string() + " of the image into the volume " + data.string();
    Rollback undo; // half of it would pass for the volume's own content the next time
    undo.add([&data] {
        std::error_code error;
        for (const fs::directory_entry &entry : fs::directory_iterator(data, error)) {
            (void)remove_tree(entry.path()); // the error that matters is the first one
        }
    });
    TRY(copy_tree("/proc/self/fd/" + std::to_string(source->get()), target).within(what));
    if (chown(data.c_str(), status.st_uid, status.st_gid) != 0 || chmod(data.c_str(), status.st_mode & 07777U) != 0) {
        return fail_errno(what);
    }
    undo.commit();
    return {};
}

} // namespace ballast::volume
