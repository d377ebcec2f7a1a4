// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/layer_store.h"

#include <algorithm>
#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "base/file_io.h"
#include "base/json/json_cursor.h"
#include "base/rollback.h"
#include "base/root_dir.h"
#include "runtime/image/chunk_queue.h"
#include "runtime/image/disk_space.h"
#include "runtime/image/tar.h"

namespace ballast::image {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kVersion = 1;
constexpr std::uint64_t kLargestRecord = 64UL << 10;
constexpr const char *kRecord = "layer.json";
constexpr const char *kEmpty = "empty"; // what an image without layers is stacked on

std::string record_text(const Layer &layer) {
    const nlohmann::ordered_json json = {{"version", kVersion},
                                         {"chainId", layer.chain_id.text()},
                                         {"diffId", layer.diff_id.text()},
                                         {"parent", layer.parent.text()},
                                         {"bytes", layer.bytes},
                                         {"entries", layer.entries}};
    return json.dump() + "\n";
}

Result<Layer> parse_record(std::string_view text, const std::string &name) {
    JsonDocument document = TRY(JsonDocument::parse(text, name));
    const JsonCursor root(document);
    (void)root.need("version").number<std::uint32_t>(kVersion, kVersion); // another one is the document's failure
    const std::string diff_id = root.need("diffId").text();
    const std::string parent = root.at("parent").text();
    Layer layer;
    layer.bytes = root.at("bytes").number<std::uint64_t>();
    layer.entries = root.at("entries").number<std::uint64_t>();
    TRY(document.status());
    layer.diff_id = TRY(Digest::parse(diff_id).within(name));
    layer.parent = parent.empty() ? Digest() : TRY(Digest::parse(parent).within(name));
    layer.chain_id = chain_id(layer.parent, layer.diff_id);
    return layer;
}

// The thread that inflates and hashes.
struct Inflation {
    ChunkQueue queue;
    Digest diff_id; // once the queue has ended

    void run(const ByteSource &plain, const std::stop_token &stop) {
        Hasher hasher;
        for (;;) {
            std::vector<char> chunk = queue.spare();
            chunk.resize(ChunkQueue::kChunk);
            std::size_t size = 0;
            while (size < chunk.size()) {
                const Result<std::size_t> got =
                    stop.stop_requested() ? fail(ECANCELED, "cancelled") : plain(std::span(chunk).subspan(size));
                if (!got.has_value()) {
                    queue.end(std::unexpected(got.error()));
                    return;
                }
                if (*got == 0) {
                    break;
                }
                size += *got;
            }
            chunk.resize(size);
            hasher.update({chunk.data(), size});
            if (size == 0 || !queue.push(std::move(chunk))) {
                break;
            }
        }
        diff_id = hasher.finish();
        queue.end({});
    }
};

// Unpacks into `directory`. The archive's digest comes along.
Result<std::pair<Unpacked, Digest>> unpack_into(const fs::path &directory, const ByteSource &plain,
                                                const std::string &name, const std::stop_token &stop,
                                                const UnpackLimits &limits) {
    const RootDir root = TRY(RootDir::open(directory));
    Inflation inflation;
    std::thread thread;
    try {
        thread = std::thread([&] { inflation.run(plain, stop); });
    } catch (const std::system_error &error) {
        return fail(error.code().value(), name + ": no thread to unpack with");
    }
    Rollback join;
    join.add([&] {
        inflation.queue.close();
        thread.join();
    });
    TarReader archive = TRY(TarReader::open([&](std::span<char> into) { return inflation.queue.read(into); }, name));
    const UnpackOptions options{.limits = limits, .whiteouts = true};
    const Unpacked unpacked = TRY(image::unpack(archive, root, options).within(name));
    // What stands behind the archive's end belongs to the digest.
    TRY(inflation.queue.drain());
    return std::pair(unpacked, inflation.diff_id);
}

} // namespace

Result<std::unique_ptr<LayerStore>> LayerStore::open(const fs::path &root,
                                                     const std::function<void(const std::string &)> &warn) {
    std::unique_ptr<LayerStore> store(new LayerStore(root));
    TRY(make_directories(root / "layers" / kEmpty / "diff", 0700));
    if (chmod((root / "layers" / kEmpty / "diff").c_str(), 0755) != 0) {
        return fail_errno("chmod " + (root / "layers").string());
    }
    TRY(make_directories(root / "incoming", 0700));
    TRY(store->load(warn));
    TRY(store->sweep());
    return store;
}

Status LayerStore::load(const std::function<void(const std::string &)> &warn) {
    std::error_code error; // the directory was just made
    for (const fs::directory_entry &entry : fs::directory_iterator(root_ / "layers", error)) {
        const std::string name = entry.path().filename();
        if (name == kEmpty) {
            continue;
        }
        const fs::path file = entry.path() / kRecord;
        const Result<std::string> text = read_file(file, kLargestRecord);
        Result<Layer> layer = text.has_value() ? parse_record(*text, file.string()) : std::unexpected(text.error());
        if (layer.has_value() && layer->chain_id.hex() == name) {
            layers_.emplace(layer->chain_id, std::move(*layer));
            continue;
        }
        // Being made when the power went: then it has no record. Or damaged. Its blob makes it again.
        if (text.has_value() && warn) {
            warn((layer.has_value() ? file.string() + ": is the record of another layer" : layer.error().message) +
                 "; the layer is put away and made again when it is needed");
        }
        if (rename(entry.path().c_str(), (root_ / "incoming" / ("removed." + name + ".tmp")).c_str()) != 0) {
            return fail_errno("remove " + entry.path().string());
        }
    }
    return {};
}

fs::path LayerStore::directory(const Digest &chain_id) const {
    return root_ / "layers" / (chain_id.empty() ? std::string_view(kEmpty) : chain_id.hex());
}

fs::path LayerStore::diff(const Digest &chain_id) const { return directory(chain_id) / "diff"; }

std::optional<Layer> LayerStore::find(const Digest &chain_id) const {
    const std::lock_guard lock(mutex_);
    const auto found = layers_.find(chain_id);
    return found == layers_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<Layer> LayerStore::list() const {
    const std::lock_guard lock(mutex_);
    std::vector<Layer> layers;
    for (const auto &[id, layer] : layers_) {
        layers.push_back(layer);
    }
    return layers;
}

Result<std::vector<Layer>> LayerStore::stack(const Digest &chain_id) const {
    std::vector<Layer> stack;
    for (Digest id = chain_id; !id.empty();) {
        const std::optional<Layer> layer = find(id);
        if (!layer) {
            return fail(ENOENT, "layer " + id.text() + ": not unpacked here");
        }
        id = layer->parent;
        stack.push_back(*layer);
    }
    return stack;
}

Result<Layer> LayerStore::unpack(const Digest &parent, const Digest &diff_id, ByteSource compressed,
                                 const std::string &name, std::stop_token stop, const UnpackLimits &unpack_limits,
                                 const InflateLimits &inflate_limits) {
    Layer layer{.chain_id = chain_id(parent, diff_id), .diff_id = diff_id, .parent = parent};
    {
        std::unique_lock lock(mutex_);
        if (!released_.wait(lock, stop, [&] { return !unpacking_.contains(layer.chain_id); })) {
            return fail(ECANCELED, name + ": cancelled");
        }
        if (const auto there = layers_.find(layer.chain_id); there != layers_.end()) {
            return there->second;
        }
        unpacking_.insert(layer.chain_id);
    }
    const fs::path temporary = root_ / "incoming" / ("layer." + std::string(layer.chain_id.hex()) + ".tmp");
    Rollback cleanup;
    cleanup.add([this, id = layer.chain_id] { // a copy: `layer` is moved out by the time this runs
        const std::lock_guard lock(mutex_);
        unpacking_.erase(id);
        released_.notify_all();
    });
    Rollback unfinished;
    unfinished.add([&] { (void)remove_tree(temporary); }); // the next start does it otherwise
    TRY(remove_tree(temporary));
    TRY(make_directories(temporary, 0700));
    TRY(make_directories(temporary / "diff", 0755));
    const ByteSource plain = decompressed(std::move(compressed), name, inflate_limits);
    Result<std::pair<Unpacked, Digest>> unpacked = unpack_into(temporary / "diff", plain, name, stop, unpack_limits);
    if (!unpacked.has_value()) {
        return std::unexpected(explain_full_disk(std::unexpected(unpacked.error()), root_).error());
    }
    if (unpacked->second != diff_id) {
        return fail(EBADMSG,
                    name + ": its content is " + unpacked->second.text() + ", the image says " + diff_id.text());
    }
    layer.bytes = unpacked->first.bytes;
    layer.entries = unpacked->first.entries;
    if (rename(temporary.c_str(), directory(layer.chain_id).c_str()) != 0) {
        return fail_errno("rename " + temporary.string());
    }
    unfinished.commit();
    const std::lock_guard lock(mutex_);
    layers_.emplace(layer.chain_id, layer);
    unsettled_.insert(layer.chain_id);
    return layer;
}

Status LayerStore::settle(const std::vector<Digest> &chain_ids) {
    std::vector<Layer> waiting;
    {
        const std::lock_guard lock(mutex_);
        for (const Digest &id : chain_ids) {
            if (unsettled_.contains(id)) {
                waiting.push_back(layers_.at(id));
            }
        }
    }
    if (waiting.empty()) {
        return {};
    }
    const Fd root = TRY(open_file(root_, O_RDONLY | O_DIRECTORY));
    if (syncfs(root.get()) != 0) {
        return explain_full_disk(fail_errno("write layers to " + root_.string()), root_);
    }
    for (const Layer &layer : waiting) {
        TRY(explain_full_disk(replace_file(directory(layer.chain_id) / kRecord, record_text(layer), 0600), root_));
        const std::lock_guard lock(mutex_);
        unsettled_.erase(layer.chain_id);
    }
    return sync_directory(root_ / "layers");
}

Status LayerStore::remove(const Digest &chain_id) {
    const std::lock_guard lock(mutex_);
    const std::string name = "removed." + std::string(chain_id.hex()) + ".tmp";
    // The directory of an earlier removal that is still being swept is in the way of a rename.
    const std::string unique = "removed." + std::to_string(layers_.size()) + "." + std::string(chain_id.hex()) + ".tmp";
    if (rename(directory(chain_id).c_str(), (root_ / "incoming" / name).c_str()) != 0 && errno != ENOENT &&
        rename(directory(chain_id).c_str(), (root_ / "incoming" / unique).c_str()) != 0) {
        return fail_errno("remove layer " + chain_id.text());
    }
    layers_.erase(chain_id);
    unsettled_.erase(chain_id);
    return {};
}

Status LayerStore::sweep() {
    Status first;
    std::error_code error; // a directory that cannot be read is tried again the next time
    for (const fs::directory_entry &entry : fs::directory_iterator(root_ / "incoming", error)) {
        if (entry.path().filename().string().starts_with("removed.")) {
            if (Status removed = remove_tree(entry.path()); !removed.has_value() && first.has_value()) {
                first = std::move(removed);
            }
        }
    }
    return first;
}

} // namespace ballast::image
