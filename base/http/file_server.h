// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/result.h"

namespace ballast {

// Serves the regular files below a directory by HTTP/1.1 on 127.0.0.1, from one thread of its own, until destruction.
// GET and HEAD; one byte range (RFC 9110 section 14), several are answered with the whole file. 404 for what is not
// there or is no regular file, 403 for a path that climbs out of the directory and for what may not be read, 405 for
// other methods. Symbolic links are followed inside the directory only. No listings, no caching headers.
class FileServer {
  public:
    // `port` 0: any free one. EADDRINUSE and the like from bind(2).
    static Result<FileServer> start(const std::filesystem::path &directory, std::uint16_t port = 0);
    FileServer(FileServer &&) noexcept;
    FileServer &operator=(FileServer &&) noexcept;
    ~FileServer();
    std::uint16_t port() const;

  private:
    struct Server;
    explicit FileServer(std::unique_ptr<Server> server);
    std::unique_ptr<Server> server_;
};

} // namespace ballast
