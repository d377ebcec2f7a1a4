// SPDX-License-Identifier: Apache-2.0
#include "base/http/file_server.h"

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
// Beast of this version uses std::aligned_storage, which C++23 deprecates.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#pragma GCC diagnostic pop
#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "base/http/range.h"
#include "base/root_dir.h"

namespace ballast {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Stream = beast::tcp_stream;
using Request = http::request<http::empty_body>;

constexpr std::chrono::seconds kIdleTime{60};
constexpr std::size_t kPieceSize = 128UL * 1024;

struct File {
    http::status status = http::status::ok; // other than ok: there is no file
    Fd fd;
    std::uint64_t size = 0;
};

http::status status_of(int code) {
    switch (code) {
    case EACCES:
    case EPERM:
        return http::status::forbidden;
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
        return http::status::not_found;
    default:
        return http::status::internal_server_error;
    }
}

File find_file(const RootDir &root, std::string_view target) {
    const std::optional<std::string> path = ballast::http::path_of_target(target);
    if (!path) {
        return {http::status::forbidden, {}, 0};
    }
    // O_NONBLOCK: opening a FIFO must not hold the only thread.
    Result<Fd> fd = root.open_path(path->empty() ? "." : *path, O_RDONLY | O_NONBLOCK);
    if (!fd.has_value()) {
        return {status_of(fd.error().code), {}, 0};
    }
    struct stat status{};
    if (fstat(fd->get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return {http::status::not_found, {}, 0};
    }
    return {http::status::ok, std::move(*fd), static_cast<std::uint64_t>(status.st_size)};
}

asio::awaitable<void> send_error(Stream &stream, const Request &request, http::status status, std::string extra = "") {
    http::response<http::string_body> response(status, request.version());
    response.keep_alive(request.keep_alive());
    response.set(http::field::content_type, "text/plain");
    if (status == http::status::method_not_allowed) {
        response.set(http::field::allow, "GET, HEAD");
    }
    if (!extra.empty()) {
        response.set(http::field::content_range, extra);
    }
    response.body() = std::string(http::obsolete_reason(status)) + "\n";
    response.prepare_payload();
    if (request.method() == http::verb::head) {
        http::response<http::empty_body> head(response.base());
        co_await http::async_write(stream, head, asio::use_awaitable);
        co_return;
    }
    co_await http::async_write(stream, response, asio::use_awaitable);
}

asio::awaitable<void> send_body(Stream &stream, http::response_serializer<http::buffer_body> &serializer,
                                http::response<http::buffer_body> &response, const File &file,
                                ballast::http::Range range) {
    std::array<char, kPieceSize> piece{};
    while (range.count > 0) {
        const ssize_t count = pread(file.fd.get(), piece.data(), std::min<std::uint64_t>(piece.size(), range.count),
                                    static_cast<off_t>(range.first));
        if (count <= 0) {
            // The length is already promised: only breaking the connection tells the client.
            throw beast::system_error(asio::error::connection_aborted);
        }
        range.first += static_cast<std::uint64_t>(count);
        range.count -= static_cast<std::uint64_t>(count);
        response.body() = {piece.data(), static_cast<std::size_t>(count), range.count > 0};
        stream.expires_after(kIdleTime);
        beast::error_code error;
        co_await http::async_write(stream, serializer, asio::redirect_error(asio::use_awaitable, error));
        if (error && error != http::error::need_buffer) {
            throw beast::system_error(error);
        }
    }
}

asio::awaitable<void> answer(Stream &stream, const RootDir &root, const Request &request) {
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
        co_await send_error(stream, request, http::status::method_not_allowed);
        co_return;
    }
    const File file = find_file(root, {request.target().data(), request.target().size()});
    if (file.status != http::status::ok) {
        co_await send_error(stream, request, file.status);
        co_return;
    }
    using ballast::http::RangeKind;
    const auto wanted = request[http::field::range];
    const auto choice = ballast::http::choose_range({wanted.data(), wanted.size()}, file.size);
    if (choice.kind == RangeKind::kUnsatisfiable) {
        co_await send_error(stream, request, http::status::range_not_satisfiable,
                            "bytes */" + std::to_string(file.size));
        co_return;
    }
    const bool part = choice.kind == RangeKind::kPart;
    http::response<http::buffer_body> response(part ? http::status::partial_content : http::status::ok,
                                               request.version());
    response.keep_alive(request.keep_alive());
    response.set(http::field::content_type, "application/octet-stream");
    response.set(http::field::accept_ranges, "bytes");
    response.content_length(choice.range.count);
    if (part) {
        response.set(http::field::content_range, "bytes " + std::to_string(choice.range.first) + "-" +
                                                     std::to_string(choice.range.first + choice.range.count - 1) + "/" +
                                                     std::to_string(file.size));
    }
    response.body() = {nullptr, 0, request.method() == http::verb::get && choice.range.count > 0};
    http::response_serializer<http::buffer_body> serializer(response);
    co_await http::async_write_header(stream, serializer, asio::use_awaitable);
    if (request.method() == http::verb::get) {
        co_await send_body(stream, serializer, response, file, choice.range);
    }
}

asio::awaitable<void> converse(Stream stream, const RootDir &root) {
    try {
        beast::flat_buffer buffer;
        bool keep_alive = true;
        while (keep_alive) {
            Request request;
            stream.expires_after(kIdleTime);
            co_await http::async_read(stream, buffer, request, asio::use_awaitable);
            stream.expires_after(kIdleTime);
            co_await answer(stream, root, request);
            keep_alive = request.keep_alive();
        }
        stream.socket().shutdown(tcp::socket::shutdown_send);
    } catch (const boost::system::system_error &) {
        co_return; // a client that hangs up, idles or talks nonsense loses its connection, nothing else
    }
}

asio::awaitable<void> accept_forever(tcp::acceptor &acceptor, const RootDir &root) {
    while (true) {
        beast::error_code error;
        tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
        if (error == asio::error::operation_aborted) {
            co_return;
        }
        if (!error) {
            asio::co_spawn(acceptor.get_executor(), converse(Stream(std::move(socket)), root), asio::detached);
        }
    }
}

} // namespace

struct FileServer::Server {
    explicit Server(RootDir directory) : root(std::move(directory)) {}
    RootDir root;
    asio::io_context context{1};
    tcp::acceptor acceptor{context};
    std::uint16_t port = 0;
    std::thread thread;

    ~Server() {
        context.stop();
        if (thread.joinable()) {
            thread.join();
        }
    }
};

Result<FileServer> FileServer::start(const std::filesystem::path &directory, std::uint16_t port) {
    auto server = std::make_unique<Server>(TRY(RootDir::open(directory)));
    try {
        const tcp::endpoint endpoint(asio::ip::address_v4::loopback(), port);
        server->acceptor.open(endpoint.protocol());
        server->acceptor.set_option(tcp::acceptor::reuse_address(true));
        server->acceptor.bind(endpoint);
        server->acceptor.listen();
        server->port = server->acceptor.local_endpoint().port();
    } catch (const boost::system::system_error &error) {
        return fail(error.code().value(),
                    "serve " + directory.string() + " on port " + std::to_string(port) + ": " + error.code().message());
    }
    asio::co_spawn(server->context, accept_forever(server->acceptor, server->root), asio::detached);
    server->thread = std::thread([running = server.get()] {
        // Signals belong to the program's own threads. SIGPIPE: Asio sends with MSG_NOSIGNAL.
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        running->context.run();
    });
    return FileServer(std::move(server));
}

FileServer::FileServer(std::unique_ptr<Server> server) : server_(std::move(server)) {}
FileServer::FileServer(FileServer &&) noexcept = default;
FileServer &FileServer::operator=(FileServer &&) noexcept = default;
FileServer::~FileServer() = default;
std::uint16_t FileServer::port() const { return server_->port; }

} // namespace ballast
