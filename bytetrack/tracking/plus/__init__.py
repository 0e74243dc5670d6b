"""The parts of `byte_plus`, an idea each: calibration, association, occlusion, exchange."""
