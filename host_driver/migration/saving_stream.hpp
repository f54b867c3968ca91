// The descriptor of a saving session: images of the VF, read as a stream.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "host_driver/cmd/commands.hpp"
#include "host_driver/migration/mig_buffer.hpp"
#include "host_driver/migration/sync.hpp"
#include "host_driver/migration/vf_session.hpp"
#include "host_driver/migration/vfio_device.hpp"

namespace vfsim::driver {

/// Filled by SAVE_VHCA_STATE, which runs asynchronously; one SAVE at a time. Records (newest) or
/// the bare image (6.1). The functions of the driver's side need the state mutex; read() and poll()
/// do not. Source: mlx5 device interface sections 6.4 to 6.6.
class SavingStream final : public MigStream, public std::enable_shared_from_this<SavingStream> {
 public:
  enum class Purpose : std::uint8_t {
    tracked,  // PRE_COPY image, tracking goes on
    last,     // final image
    cleanup,  // ends tracking; the image is thrown away
  };
  enum class Query : std::uint8_t { plain, increment, last, cleanup };

  explicit SavingStream(std::shared_ptr<VfSession> session);

  // MigStream
  [[nodiscard]] Result<std::vector<std::uint8_t>> read(std::size_t bytes, bool nonblock) override;
  [[nodiscard]] Result<std::size_t> write(const std::uint8_t* data, std::size_t bytes) override;
  [[nodiscard]] Result<std::size_t> seek(std::uint64_t position) override;
  [[nodiscard]] std::uint32_t poll() override;
  [[nodiscard]] Result<PrecopyInfo> precopy_info() override;

  // Driver's side.
  [[nodiscard]] BufferPool& pool() { return pool_; }
  /// QUERY_VHCA_MIGRATION_STATE. All but plain wait for the running SAVE. After a pre-copy error
  /// `increment` sends nothing and answers 0, and `last` asks for the full size; after a hard error
  /// both answer ENODEV.
  [[nodiscard]] Result<MigrationSize> query(Query kind);
  /// The buffers of the final SAVE, made early (two in chunk mode, +10 % when it follows PRE_COPY),
  /// and the record that announces their size.
  [[nodiscard]] Result<void> prepare_last(const MigrationSize& size, bool precopy);
  /// The reserved buffer for the final SAVE, at least `bytes` long.
  [[nodiscard]] Result<BufferPtr> take_reserve(std::uint64_t bytes);
  [[nodiscard]] std::uint64_t reserve_bytes() const { return reserve_[0] ? reserve_[0]->bytes : 0; }
  /// Posts SAVE_VHCA_STATE and returns. `incremental` is dropped after a pre-copy error. `size` 0:
  /// the whole buffer.
  [[nodiscard]] Result<void> save(BufferPtr buffer, Purpose purpose, bool incremental,
                                  std::uint32_t size = 0);
  /// Returns when no SAVE runs, and keeps others (SUSPEND, QUERY) away until slot_release().
  void slot_acquire() { slot_.acquire(); }
  void slot_release() { slot_.release(); }
  /// From now on read fails with ENODEV.
  void mark_error();
  /// Waits for the outstanding SAVE, disables the descriptor, frees everything. False: the stream
  /// had failed before.
  bool shut();

 private:
  enum class State : std::uint8_t { starting, error, precopy_error, precopy, finishing, complete };
  struct Segment {
    std::vector<std::uint8_t> head;  // record header, or a whole small record
    BufferPtr buffer;                // image; may be empty
    std::size_t image_bytes = 0;
    std::size_t read = 0;  // of head and image
    unsigned chunk = 0;    // 1 or 2 in chunk mode
  };
  struct Pending {  // the SAVE that runs
    BufferPtr buffer;
    Purpose purpose = Purpose::tracked;
    unsigned chunk = 0;
  };

  [[nodiscard]] Result<void> start_save(BufferPtr buffer, Purpose purpose, bool incremental,
                                        std::uint32_t size, unsigned chunk);
  void saved(Result<SaveResult> result);
  void append_image(Pending pending, std::size_t image_bytes);
  void fail_save(const Error& error, Purpose purpose);
  void next_chunk(std::uint32_t bytes);
  void spawn_chunk_save();
  void chunk_worker();
  void release_raw_key();
  void work_begin();
  void work_end();
  void finish_segment(Segment segment);
  std::size_t copy_out(Segment& segment, std::size_t bytes, std::vector<std::uint8_t>& to);
  [[nodiscard]] Result<std::uint64_t> increment_of(bool& reinit);

  std::shared_ptr<VfSession> session_;
  const bool raw_;
  BufferPool pool_;
  BinarySemaphore slot_;
  std::unique_ptr<Mutex> lock_;
  std::unique_ptr<Event> readable_, work_done_;

  // Guarded by lock_.
  State state_ = State::starting;
  std::deque<Segment> segments_;
  std::uint64_t appended_ = 0, consumed_ = 0;  // stream positions
  std::uint64_t initial_end_ = 0;              // end of the initial PRE_COPY data
  bool next_is_initial_ = true;
  std::array<BufferPtr, 2> reserve_;  // buffers of the final SAVE
  std::uint32_t delayed_chunk_ = 0;   // bytes of the chunk that waits for the reader
  unsigned next_chunk_ = 0;           // number of that chunk, 0: none
  unsigned workers_ = 0;
  bool closing_ = false;

  Pending pending_;  // owned by the holder of the slot
};

}  // namespace vfsim::driver
